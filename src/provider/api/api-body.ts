import type { AxiosRequestHeaders } from 'axios';
import { toFormData } from 'axios';
import { apiCallRefused } from './api-refusal';

const FORM_TYPE = 'application/x-www-form-urlencoded';
const BYTES_TYPE = 'application/octet-stream';
/** What `String()` makes of most objects. */
const OBJECT_AS_TEXT = /^\[object \w+\]$/;
/** Made by {@link toForm}, which has checked the values: text in them that looks like an object is a visitor's. */
const checkedForms = new WeakSet<FormData>();

/**
 * Encodes a request body as axios's default transformRequest does, and sets the Content-Type if the call has none.
 * Strings (unless the type is JSON), bytes, FormData and Blob are returned unchanged; {@link bodyReader} reads them.
 * Does not use `axios.defaults.transformRequest`, which other code in the process can replace.
 *
 * Refuses streams, forms other than Node's FormData, and objects that would be sent as `{}` in JSON or as `[object …]` in
 * a form (Map, promise, Error), at any depth. Inside an object this includes FormData, Blobs unless the object is sent as
 * multipart, and bytes in JSON unless they are a Buffer, which has `toJSON`.
 *
 * `JSON.stringify` decides about the rest: NaN, or a function in a list, becomes null; members that are functions or
 * undefined are left out; an instance of a class is sent with its own enumerable members, without private fields and
 * getters.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body` for what is refused, and if `JSON.stringify` throws or
 * returns undefined (BigInt, a cycle, a function)
 */
export function writeBody(data: unknown, headers: AxiosRequestHeaders): unknown {
  try {
    return encodeBody(data, headers);
  } catch {
    throw apiCallRefused('body');
  }
}

function encodeBody(data: unknown, headers: AxiosRequestHeaders): unknown {
  const type = String(headers.getContentType() ?? '');
  const isJsonType = type.includes('application/json');
  if (data === undefined || data === null) return undefined;
  if (typeof data === 'string') return isJsonType ? textAsJson(data) : data;
  if (data instanceof FormData) return data;
  if (data instanceof Blob) {
    setDefaultType(headers, data.type === '' ? BYTES_TYPE : data.type);
    return data;
  }
  if (isBytes(data)) {
    setDefaultType(headers, BYTES_TYPE);
    return data;
  }
  if (data instanceof URLSearchParams) {
    refuseObjectText(data);
    setDefaultType(headers, `${FORM_TYPE};charset=utf-8`);
    return data.toString();
  }
  if (typeof data === 'object' && type.includes('multipart/form-data')) return toForm(data, new FormData());
  if (typeof data === 'object' && type.includes(FORM_TYPE)) return toForm(data, new URLSearchParams()).toString();
  setDefaultType(headers, 'application/json');
  return toJsonText(data);
}

function setDefaultType(headers: AxiosRequestHeaders, type: string): void {
  const replaces = false;
  headers.setContentType(type, replaces);
}

/** A body as bytes; `type` replaces the Content-Type of the call. */
export interface BodyBytes {
  readonly bytes: Uint8Array | undefined;
  /** For FormData, with the boundary. */
  readonly type?: string;
}

/**
 * Checks the result of {@link writeBody} or of the app's `transformRequest`.
 * @returns a function that reads the body; call it once the visitor's token is known, so that an upload by a visitor
 * who is not connected costs no memory
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `body`
 */
export function bodyReader(data: unknown): () => BodyBytes | Promise<BodyBytes> {
  if (data === undefined || data === null) return noBytes;
  if (typeof data === 'string') return () => ({ bytes: Buffer.from(data) });
  if (isBytes(data)) {
    const bytes = ArrayBuffer.isView(data) ? bytesOfView(data) : new Uint8Array(data);
    return () => ({ bytes });
  }
  if (data instanceof Blob) return async () => ({ bytes: new Uint8Array(await data.arrayBuffer()) });
  if (!(data instanceof FormData)) throw apiCallRefused('body');
  if (!checkedForms.has(data)) refuseObjectText(data);
  return () => formBytes(data);
}

function noBytes(): BodyBytes {
  return { bytes: undefined };
}

async function formBytes(data: FormData): Promise<BodyBytes> {
  const form = new Response(data);
  return { bytes: new Uint8Array(await form.arrayBuffer()), type: form.headers.get('content-type') ?? '' };
}

function toForm<Form extends FormData | URLSearchParams>(data: object, form: Form): Form {
  refuseUnsendable(data);
  if (form instanceof FormData) checkedForms.add(form);
  toFormData(data, checkedTarget(form), {
    visitor(value: unknown, key, path, helpers) {
      if (!isFileIn(form, value)) refuseUnsendable(value);
      // axios encodes such a field as JSON.
      if (!path && typeof value === 'object' && String(key).endsWith('{}')) toJsonText(value);
      return helpers.defaultVisitor.call(this, value as never, key, path, helpers);
    },
  });
  return form;
}

/** Passes axios's fields to a form, and refuses those that the form would turn into `[object …]`. */
function checkedTarget(form: FormData | URLSearchParams): { append: (name: string, value: unknown) => void } {
  const append = (name: string, value: unknown): void => {
    const isSent = typeof value === 'string' || Buffer.isBuffer(value) || isFileIn(form, value);
    if (!isSent && OBJECT_AS_TEXT.test(String(value))) throw apiCallRefused('body');
    form.append(name, value as string);
  };
  if (!(form instanceof FormData)) return { append };
  // These show axios that the form takes Blobs.
  const iterator = form[Symbol.iterator].bind(form);
  return Object.assign({ append }, { [Symbol.toStringTag]: 'FormData', [Symbol.iterator]: iterator });
}

function isFileIn(form: FormData | URLSearchParams, value: unknown): boolean {
  return form instanceof FormData && value instanceof Blob;
}

/**
 * Refuses text that a form of the app may have made of an object, such as a stream. A visitor who typed exactly that is
 * refused as well: the two cannot be distinguished.
 */
function refuseObjectText(form: FormData | URLSearchParams): void {
  for (const [, value] of form) {
    if (typeof value === 'string' && OBJECT_AS_TEXT.test(value)) throw apiCallRefused('body');
  }
}

/** A stream can be read only once; the others would be sent as `{}` or `[object …]`. */
function refuseUnsendable(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const { pipe, getReader, [Symbol.asyncIterator]: iterator } = value as Readonly<Record<PropertyKey, unknown>>;
  const isStream = [pipe, getReader, iterator].some((method) => typeof method === 'function');
  if (isStream || isEmptyInJson(value)) throw apiCallRefused('body');
}

/** Tags of values that JSON.stringify encodes by design, even when they have no own keys. */
const JSON_TAGS = /^\[object (?:Object|Array|Boolean|Number|String)\]$/;

/** Whether an object that holds something (a form, Blob, Map, promise, Response, Error …) would be `{}` in JSON. */
function isEmptyInJson(value: object): boolean {
  const tag = Object.prototype.toString.call(value);
  // Forms of other packages have members that are not fields of the form.
  if (tag === '[object FormData]') return true;
  const { toJSON } = value as { readonly toJSON?: unknown };
  return !JSON_TAGS.test(tag) && !isBytes(value) && typeof toJSON !== 'function' && Object.keys(value).length === 0;
}

function isBytes(data: unknown): data is ArrayBuffer | ArrayBufferView {
  // Also by tag: a body may come from another realm.
  return ArrayBuffer.isView(data) || Object.prototype.toString.call(data) === '[object ArrayBuffer]';
}

/** Only the part of the buffer that the view shows: axios would send all of it. */
function bytesOfView(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** As axios does with a string under a JSON type: JSON is sent unchanged, other text as a JSON string. */
function textAsJson(text: string): string {
  try {
    JSON.parse(text);
    return text.trim();
  } catch {
    return toJsonText(text);
  }
}

function toJsonText(value: unknown): string {
  const text = JSON.stringify(value, (_name, inner: unknown) => {
    // A typed array would become an object of numbered members, all others `{}`.
    if (isBytes(inner)) throw apiCallRefused('body');
    refuseUnsendable(inner);
    return inner;
  }) as string | undefined;
  if (text === undefined) throw apiCallRefused('body');
  return text;
}
