import { Axios, type InternalAxiosRequestConfig } from 'axios';
import { apiCallRefused } from './api-refusal';

/** The settings of a call that make its address. */
export type AddressParts = Pick<
  InternalAxiosRequestConfig,
  'url' | 'baseURL' | 'params' | 'paramsSerializer' | 'allowAbsoluteUrls'
>;

/** Puts an address together as axios does; it has no defaults and sends nothing. */
const addresses = new Axios({});

/**
 * Makes the check of every address that a token may be sent to: the address as it would be sent, however it was put
 * together, must have the origin of `apiBaseUrl` and its path or one below. Dot segments are refused wherever they lead
 * and however they are encoded, because servers and proxies disagree on when to resolve them.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `url`
 */
export function apiAddressCheck(apiBaseUrl: string): (parts: AddressParts) => string {
  const base = new URL(apiBaseUrl);
  const basePath = base.pathname.replace(/\/+$/, '');
  /** What was checked last, by the path of the call. */
  const known = new Map<string, string>();

  return function checkedAddress(parts: AddressParts): string {
    const path = isPathOnly(parts, apiBaseUrl) ? parts.url : undefined;
    const before = path === undefined ? undefined : known.get(path);
    if (before !== undefined) return before;
    const address = check(parts);
    if (path !== undefined && path.length <= LONGEST_KNOWN) {
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(path, address);
    }
    return address;
  };

  function check(parts: AddressParts): string {
    const written = writtenAddress(parts);
    const url = URL.canParse(written) ? new URL(written) : undefined;
    const inside =
      url !== undefined &&
      url.origin === base.origin &&
      url.username === '' &&
      url.password === '' &&
      (url.pathname === basePath || url.pathname.startsWith(`${basePath}/`));
    if (!inside || !isPlain(written)) throw apiCallRefused('url');
    url.hash = '';
    return url.href;
  }
}

/** Checking an address takes longer than any other step of a call, sending it aside. */
const MOST_KNOWN = 100;
const LONGEST_KNOWN = 256;

/** Whether nothing but the path of the call decides its address. */
function isPathOnly({ baseURL, params, allowAbsoluteUrls }: AddressParts, base: string): boolean {
  return baseURL === base && params === undefined && allowAbsoluteUrls === true;
}

function writtenAddress({ url, baseURL, params, paramsSerializer, allowAbsoluteUrls }: AddressParts): string {
  try {
    return addresses.getUri({
      ...(url === undefined ? {} : { url }),
      ...(baseURL === undefined ? {} : { baseURL }),
      ...(paramsSerializer === undefined ? {} : { paramsSerializer }),
      ...(allowAbsoluteUrls === undefined ? {} : { allowAbsoluteUrls }),
      params: params as unknown,
    });
  } catch {
    // axios quotes the address in its message.
    throw apiCallRefused('url');
  }
}

/** How many layers of escapes are decoded. An address with more is refused: nobody needs that many. */
const MOST_LAYERS = 8;

/** Whether every reader of this address sees the same path in it. */
function isPlain(written: string): boolean {
  // The parser drops newlines and tabs anywhere, and whitespace at both ends.
  if (/[\x00-\x1f\x7f]/.test(written) || written.trim() !== written) return false;
  const beforeQuery = written.replace(/[?#][^]*$/, '');
  if (beforeQuery.includes('\\') || /^[^/]*\/\/[^/]*@/.test(beforeQuery)) return false;
  const path = fullyDecoded(beforeQuery.replace(/^[a-z][a-z\d+.-]*:\/\//i, ''));
  // U+FFFD: bytes that are not UTF-8, in which old servers may still see dots and slashes.
  return path !== undefined && !path.includes('\ufffd') && !path.split(/[/\\]/).some(isDotSegment);
}

/**
 * Whether any server might resolve this segment, after cutting parameters, query or fragment (a proxy may pass the
 * decoded path on) or dropping control characters and spaces.
 */
function isDotSegment(segment: string): boolean {
  return /^\.{1,2}(?:[;?#]|$)/.test(segment.replace(/[^\x21-\x7e]/g, ''));
}

/** Decodes until nothing changes any more; undefined if that takes too many layers. */
function fullyDecoded(text: string): string | undefined {
  let decoded = text;
  for (let layer = 0; layer <= MOST_LAYERS; layer += 1) {
    const next = decodedOnce(decoded);
    if (next === decoded) return decoded;
    decoded = next;
  }
  return undefined;
}

/** Resolves the escapes of one layer, `%uXXXX` of old servers included, and forms such as the full-width dot. */
function decodedOnce(text: string): string {
  return text
    .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
    .normalize('NFKC');
}
