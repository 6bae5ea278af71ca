import { apiCallRefused } from './api-refusal';

/** A body that can be read once: of node:stream, or of the web. */
export interface BodyStream extends AsyncIterable<unknown> {
  readonly destroy?: () => unknown;
  readonly cancel?: () => Promise<unknown>;
}

/** Bytes of a stream that are sent: they are held in memory until the call is over. */
const MAX_STREAM_BYTES = 10 * 1024 * 1024;

/** Whether a body is a stream. */
export function isStream(data: unknown): data is BodyStream {
  const { pipe, getReader } = Object(data) as { readonly pipe?: unknown; readonly getReader?: unknown };
  return typeof pipe === 'function' || typeof getReader === 'function';
}

/**
 * Reads a stream to its end. One that fails, says more than 10 MiB or does not end within `timeoutMs` is given up, and
 * closed; so is one whose call ends first. What it says when it fails is not passed on.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body`
 */
export async function streamBytes(stream: BodyStream, signal: AbortSignal, timeoutMs: number): Promise<Uint8Array> {
  // A stream of the time before Node 10, such as one of the package form-data.
  if (!(Symbol.asyncIterator in stream)) throw apiCallRefused('body');
  const chunks: Uint8Array[] = [];
  let size = 0;
  const giveUp = (): void => {
    if (stream.destroy !== undefined) stream.destroy();
    // A reader holds it: cancelling is refused, and the reading ends by itself.
    else void stream.cancel?.().catch(() => undefined);
  };
  const timer = setTimeout(giveUp, timeoutMs);
  signal.addEventListener('abort', giveUp);
  try {
    for await (const chunk of stream) {
      const bytes = chunkBytes(chunk);
      size += bytes.byteLength;
      if (size > MAX_STREAM_BYTES) break;
      chunks.push(bytes);
    }
  } catch {
    throw apiCallRefused('body');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
  if (size > MAX_STREAM_BYTES) throw apiCallRefused('body');
  return Buffer.concat(chunks, size);
}

function chunkBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw apiCallRefused('body');
}
