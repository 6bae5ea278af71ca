import { IncomingMessage } from 'node:http';
import { apiCallRefused } from './api-refusal';

/** A body that can be read once: of node:stream, or of the web. */
export interface BodyStream {
  readonly [Symbol.asyncIterator]?: () => AsyncIterator<unknown>;
  readonly getReader?: () => { read(): Promise<IteratorResult<unknown>>; cancel(): Promise<unknown> };
  readonly destroy?: () => unknown;
  readonly on?: (event: 'error', listener: () => void) => unknown;
  readonly readableEnded?: boolean;
}

/** A stream in reading. */
interface Source {
  readonly next: () => Promise<IteratorResult<unknown>>;
  /** Ends it for whoever writes it, too; never throws. */
  readonly close: () => void;
}

/** Bytes of a stream that are sent: they are held in memory until the call is over. */
const MAX_STREAM_BYTES = 10 * 1024 * 1024;

/** Whether a body is a stream. */
export function isStream(data: unknown): data is BodyStream {
  const { pipe, getReader } = Object(data) as { readonly pipe?: unknown; readonly getReader?: unknown };
  return typeof pipe === 'function' || typeof getReader === 'function';
}

/** A stream that the call has taken charge of. */
export interface HeldStream {
  readonly bytes: (signal: AbortSignal, timeoutMs: number | undefined) => Promise<Uint8Array>;
  /** Gives it up unread. */
  readonly close: () => void;
}

/**
 * Takes charge of a stream without reading from it. Should it fail before it is read, that ends the call and not the
 * process.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body`: it cannot be read
 */
export function heldStream(stream: BodyStream): HeldStream {
  const source = opened(stream);
  stream.on?.('error', () => undefined);
  return { bytes: (signal, timeoutMs) => streamBytes(source, signal, timeoutMs), close: source.close };
}

/**
 * Reads a stream to its end. One that fails, says more than 10 MiB or does not end within `timeoutMs` is given up, and
 * closed; so is one whose call ends first. A request that the app is answering stays open: the rest of it is let go by.
 * What a stream says when it fails is not passed on.
 * @param timeoutMs - undefined: the call has a timeout of its own, which `signal` tells
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body`
 */
async function streamBytes(source: Source, signal: AbortSignal, timeoutMs: number | undefined): Promise<Uint8Array> {
  let giveUp = source.close;
  // Raced: a closed stream of the web says that it is done, and one of the app's own may say nothing at all.
  const givenUp = new Promise<never>((_resolve, reject) => {
    giveUp = () => {
      reject(apiCallRefused('body'));
    };
  });
  const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs);
  signal.addEventListener('abort', giveUp);
  if (signal.aborted) giveUp();
  try {
    return await Promise.race([givenUp, collected(source)]);
  } catch {
    source.close();
    throw apiCallRefused('body');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

/**
 * @throws ConnectError where it cannot be read: a stream of the time before Node 10 (package form-data), one in reading,
 * or one that somebody has read, such as a body parser; nothing would be sent for it
 */
function opened(stream: BodyStream): Source {
  if (stream.readableEnded === true) throw apiCallRefused('body');
  if (isRequest(stream)) return requestSource(stream);
  try {
    // Only the reader that holds a stream of the web can cancel it.
    const reader = stream.getReader?.();
    if (reader !== undefined) {
      return { next: () => reader.read(), close: () => void reader.cancel().catch(() => undefined) };
    }
    const iterator = stream[Symbol.asyncIterator]?.();
    if (iterator !== undefined) {
      return {
        next: () => iterator.next(),
        close: () => {
          closeIterated(stream, iterator);
        },
      };
    }
  } catch {
    // What it says may hold anything.
  }
  throw apiCallRefused('body');
}

/** A request that this process answers: node:http has the same class for the answer to one of its own. */
function isRequest(stream: unknown): stream is IncomingMessage {
  return stream instanceof IncomingMessage && typeof stream.statusCode !== 'number';
}

/** Closing a request would close its connection, and with it the way of the app's answer. */
function requestSource(request: IncomingMessage): Source {
  const iterator = request.iterator({ destroyOnReturn: false });
  return {
    next: () => iterator.next(),
    // Once the part that is awaited has come: until then the iterator holds the request.
    close: () =>
      void iterator.return?.().then(
        () => request.resume(),
        () => undefined,
      ),
  };
}

function closeIterated(stream: BodyStream, iterator: AsyncIterator<unknown>): void {
  try {
    if (stream.destroy !== undefined) stream.destroy();
    else void iterator.return?.().catch(() => undefined);
  } catch {
    // The call has ended already.
  }
}

async function collected({ next }: Source): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let step = await next(); step.done !== true; step = await next()) {
    const bytes = chunkBytes(step.value);
    size += bytes.byteLength;
    if (size > MAX_STREAM_BYTES) throw apiCallRefused('body');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size);
}

function chunkBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw apiCallRefused('body');
}
