import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { AUTHORIZE_PATH } from './authorize-route';

interface Visited {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Does over HTTP what a person does in a browser: opens the consent page and clicks. Gives the callback address, which
 * is not opened.
 * @throws Error when `authorizationUrl` is not one of this sandbox, or the sandbox shows a page that refuses.
 */
export async function clickThrough(
  sandboxUrl: string,
  authorizationUrl: string,
  decision: 'allow' | 'decline',
): Promise<string> {
  const url = new URL(authorizationUrl);
  if (url.origin !== sandboxUrl || url.pathname !== AUTHORIZE_PATH) {
    throw new Error('This is not an authorization URL of this sandbox: connectAuth needs ...sandbox.connectOptions.');
  }
  const asked = await visit(url);
  const consent = /name="consent" value="([^"]+)"/.exec(asked.body)?.[1];
  // Without a question the request was sent back, or refused, at once.
  const answer =
    consent === undefined
      ? asked
      : await visit(new URL(AUTHORIZE_PATH, sandboxUrl), { form: new URLSearchParams({ consent, decision }) });
  const { location } = answer.headers;
  if (location === undefined) throw refusedError(answer);
  return location;
}

function refusedError({ status, body }: Visited): Error {
  return new Error(`The sandbox answered ${status}: ${String(/<p>([^<]*)<\/p>/.exec(body)?.[1])}`);
}

/** Own sockets, no keep-alive: a test run must not be kept open by them. No `fetch`, which users replace in tests. */
export function visit(
  url: URL,
  { headers = {}, form }: { readonly headers?: OutgoingHttpHeaders; readonly form?: URLSearchParams } = {},
): Promise<Visited> {
  return new Promise((resolve, reject) => {
    const body = form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' };
    const method = form === undefined ? 'GET' : 'POST';
    const sent = request(url, { method, headers: { ...headers, ...body }, agent: false }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => (text += chunk));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
      res.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(form?.toString());
  });
}
