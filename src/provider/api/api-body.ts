import type { AxiosRequestHeaders } from 'axios';
import { toFormData } from 'axios';
import { apiCallRefused } from './api-refusal';

const FORM_TYPE = 'application/x-www-form-urlencoded';
const BYTES_TYPE = 'application/octet-stream';
/** What becomes of an object that FormData or URLSearchParams takes for text. */
const WORDS_FOR_AN_OBJECT = /^\[object \w+\]$/;

/**
 * Writes a body as axios users know it, and names its type where the call does not: objects, lists and other JSON values
 * as JSON, or as a form or multipart where the Content-Type says so, URLSearchParams as a form. Strings, bytes, FormData
 * and Blob are left for {@link bodyBytes}. Not axios's own function, which any part of the process may have exchanged.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body`: a value that JSON cannot hold; anything that is or holds a
 * stream, a form of another make than Node's, or something of which JSON would leave `{}`
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
  if (isBytes(data)) {
    headers.setContentType(BYTES_TYPE, false);
    return data;
  }
  if (data instanceof URLSearchParams) {
    refuseWords(data);
    headers.setContentType(`${FORM_TYPE};charset=utf-8`, false);
    return data.toString();
  }
  if (typeof data === 'object' && type.includes('multipart/form-data')) return formOf(data, new FormData());
  if (typeof data === 'object' && type.includes(FORM_TYPE)) return formOf(data, new URLSearchParams()).toString();
  headers.setContentType('application/json', false);
  return json(data);
}

/** A body as bytes; `type` replaces the Content-Type of the call. */
export interface BodyBytes {
  readonly bytes: Uint8Array | undefined;
  /** With the boundary, for FormData. */
  readonly type?: string;
}

/**
 * Checks what {@link writeBody}, or a `transformRequest` of the app, has left.
 * @returns reads it; that is for later, when it is known that it can be sent
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body`
 */
export function bodyBytes(data: unknown): () => Promise<BodyBytes> {
  if (data === undefined || data === null) return () => Promise.resolve({ bytes: undefined });
  if (typeof data === 'string') return () => Promise.resolve({ bytes: Buffer.from(data) });
  if (isBytes(data)) {
    const bytes = ArrayBuffer.isView(data) ? viewed(data) : new Uint8Array(data);
    return () => Promise.resolve({ bytes });
  }
  if (data instanceof Blob) return async () => ({ bytes: new Uint8Array(await data.arrayBuffer()) });
  if (!(data instanceof FormData)) throw apiCallRefused('body');
  refuseWords(data);
  return () => formBytes(data);
}

async function formBytes(data: FormData): Promise<BodyBytes> {
  const form = new Response(data);
  return { bytes: new Uint8Array(await form.arrayBuffer()), type: form.headers.get('content-type') ?? '' };
}

function formOf<Form extends FormData | URLSearchParams>(data: object, form: Form): Form {
  const isMultipart = form instanceof FormData;
  toFormData(data, form, {
    visitor(value: unknown, key, path, helpers) {
      // A file is what multipart is for.
      if (!(isMultipart && value instanceof Blob)) refuseUnsendable(value);
      return helpers.defaultVisitor.call(this, value as never, key, path, helpers);
    },
  });
  refuseUnsendable(data);
  return form;
}

function refuseWords(form: FormData | URLSearchParams): void {
  for (const [, value] of form) {
    if (typeof value === 'string' && WORDS_FOR_AN_OBJECT.test(value)) throw apiCallRefused('body');
  }
}

/** What can be read once only, and what would be sent as `{}` or as words in place of what it holds. */
function refuseUnsendable(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const { pipe, getReader, [Symbol.asyncIterator]: iterator } = value as Readonly<Record<PropertyKey, unknown>>;
  const isStream = [pipe, getReader, iterator].some((method) => typeof method === 'function');
  if (isStream || isEmptied(value)) throw apiCallRefused('body');
}

/** Tags of what JSON writes out although nothing of it can be listed, or with whatever can be. */
const WRITTEN = /^\[object (?:Object|Array|Boolean|Number|String)\]$/;

/** A form, Blob, Map, promise, Response, Error …: nothing of what it holds would be in JSON. */
function isEmptied(value: object): boolean {
  const tag = Object.prototype.toString.call(value);
  // Forms of packages have members that are none of the form's fields.
  if (tag === '[object FormData]') return true;
  const { toJSON } = value as { readonly toJSON?: unknown };
  return !WRITTEN.test(tag) && !isBytes(value) && typeof toJSON !== 'function' && Object.keys(value).length === 0;
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
  const text = JSON.stringify(value, (_name, inner: unknown) => {
    // A typed array would be an object of numbered members, all others `{}`.
    if (isBytes(inner)) throw apiCallRefused('body');
    refuseUnsendable(inner);
    return inner;
  }) as string | undefined;
  if (text === undefined) throw apiCallRefused('body');
  return text;
}
