import type { AxiosRequestHeaders } from 'axios';
import { toFormData } from 'axios';
import { apiCallRefused } from './api-refusal';
import { heldStream, isStream } from './api-stream';

const FORM_TYPE = 'application/x-www-form-urlencoded';
const BYTES_TYPE = 'application/octet-stream';

/**
 * Writes a body as axios users know it, and names its type where the call does not: objects, lists and other JSON values
 * as JSON, or as a form or multipart where the Content-Type says so, URLSearchParams as a form. Strings, bytes, FormData,
 * Blob and streams are left for {@link heldBody}. Not axios's own function, which any part of the process may have exchanged.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body`: a value that JSON cannot hold
 */
export function writeBody(data: unknown, headers: AxiosRequestHeaders): unknown {
  try {
    return written(data, headers);
  } catch {
    throw apiCallRefused('body');
  }
}

function written(data: unknown, headers: AxiosRequestHeaders): unknown {
  const type = String(headers.getContentType() ?? '');
  const isJsonType = type.includes('application/json');
  if (data === undefined || data === null) return undefined;
  if (typeof data === 'string') return isJsonType ? jsonText(data) : data;
  if (data instanceof FormData) return data;
  if (data instanceof Blob) {
    headers.setContentType(data.type === '' ? BYTES_TYPE : data.type, false);
    return data;
  }
  if (isBytes(data) || isStream(data)) {
    headers.setContentType(BYTES_TYPE, false);
    return data;
  }
  if (data instanceof URLSearchParams) {
    headers.setContentType(`${FORM_TYPE};charset=utf-8`, false);
    return data.toString();
  }
  if (typeof data === 'object' && type.includes('multipart/form-data')) return toFormData(data, new FormData());
  if (typeof data === 'object' && type.includes(FORM_TYPE)) {
    const form = new URLSearchParams();
    toFormData(data, form);
    return form.toString();
  }
  headers.setContentType('application/json', false);
  return json(data);
}

/** A body of which nothing has been read yet. */
export interface HeldBody {
  /** @param timeoutMs - for a stream to end; undefined: `signal` tells */
  readonly read: (signal: AbortSignal, timeoutMs?: number) => Promise<BodyBytes>;
  /** To be called where it is not going to be read: closes a stream. */
  readonly drop: () => void;
}

/** A body as bytes; `type` replaces the Content-Type of the call. */
export interface BodyBytes {
  readonly bytes: Uint8Array | undefined;
  /** With the boundary, for FormData. */
  readonly type?: string;
  /** Whether it came from a stream: such a body is not sent again. */
  readonly once?: true;
}

/**
 * Takes charge of what {@link writeBody}, or a `transformRequest` of the app, has left: reading it is for later, when it
 * is known that it can be sent.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body`, also when it is read
 */
export function heldBody(data: unknown): HeldBody {
  if (data === undefined || data === null) return unread(() => ({ bytes: undefined }));
  if (typeof data === 'string') return unread(() => ({ bytes: Buffer.from(data) }));
  if (isBytes(data)) return unread(() => ({ bytes: ArrayBuffer.isView(data) ? viewed(data) : new Uint8Array(data) }));
  if (data instanceof Blob) return unread(async () => ({ bytes: new Uint8Array(await data.arrayBuffer()) }));
  if (data instanceof FormData) return unread(() => formBytes(data));
  if (!isStream(data)) throw apiCallRefused('body');
  const { bytes, close } = heldStream(data);
  return {
    read: async (signal, timeoutMs) => ({ bytes: await bytes(signal, timeoutMs), once: true }),
    drop: close,
  };
}

function unread(read: () => BodyBytes | Promise<BodyBytes>): HeldBody {
  return { read: async () => read(), drop: () => undefined };
}

async function formBytes(data: FormData): Promise<BodyBytes> {
  const form = new Response(data);
  return { bytes: new Uint8Array(await form.arrayBuffer()), type: form.headers.get('content-type') ?? '' };
}

function isBytes(data: unknown): data is ArrayBuffer | ArrayBufferView {
  // By tag, too: a body may come from another realm.
  return ArrayBuffer.isView(data) || Object.prototype.toString.call(data) === '[object ArrayBuffer]';
}

/** Only the part of the buffer that is seen: axios would send all of it. */
function viewed(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** As axios does with a string under a JSON type: JSON goes as it is, other text as a JSON string. */
function jsonText(text: string): string {
  try {
    JSON.parse(text);
    return text.trim();
  } catch {
    return json(text);
  }
}

function json(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw apiCallRefused('body');
  return text;
}
