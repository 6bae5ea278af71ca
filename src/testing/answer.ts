import type { ServerResponse } from 'node:http';

/** A whole HTTP answer, decided before anything of it is sent: a fault can still break it on the way out. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer with a JSON body; never cached (RFC 6749 §5.1). */
export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
    body: JSON.stringify(value),
  };
}

/** Sends `answer` whole. Does nothing when the client has gone away. */
export function sendAnswer(res: ServerResponse, answer: Answer): void {
  if (res.destroyed) return;
  res.writeHead(answer.status, { ...answer.headers, 'Content-Length': String(Buffer.byteLength(answer.body)) });
  res.end(answer.body);
}

/** Gives `res` a `Date` (RFC 9110 §6.6.1) by `now`, in milliseconds since 1970, at the moment its head goes out. */
export function dateBy(res: ServerResponse, now: () => number): void {
  const writeHead = res.writeHead.bind(res) as (...head: unknown[]) => ServerResponse;
  res.writeHead = function writeDatedHead(...head: unknown[]) {
    res.setHeader('Date', new Date(now()).toUTCString());
    return writeHead(...head);
  };
}
