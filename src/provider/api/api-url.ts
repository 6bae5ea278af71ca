import { Axios, type InternalAxiosRequestConfig } from 'axios';
import { apiCallRefused } from './api-refusal';

/** What of a call makes its address. */
export type AddressParts = Pick<
  InternalAxiosRequestConfig,
  'url' | 'baseURL' | 'params' | 'paramsSerializer' | 'allowAbsoluteUrls'
>;

/** Puts an address together as axios does; it has no defaults and sends nothing. */
const addresses = new Axios({});

/**
 * Makes the check of every address that a token may be sent to: the address as it would go out, whatever it was put
 * together from, has the origin of `apiBaseUrl` and a path below its path, or is that path. Dot segments are refused
 * wherever they lead and however they are encoded, because servers and proxies do not agree on when to resolve them.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `url`
 */
export function apiAddressCheck(apiBaseUrl: string): (parts: AddressParts) => string {
  const base = new URL(apiBaseUrl);
  const basePath = base.pathname.replace(/\/+$/, '');

  return function checkedAddress(parts: AddressParts): string {
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
  };
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
    // axios quotes the address in its own message.
    throw apiCallRefused('url');
  }
}

/** Layers of escapes that are looked through. An address with more of them is refused: nobody needs that many. */
const MOST_LAYERS = 8;

/** Whether every reader of this address sees the same path in it. */
function isPlain(written: string): boolean {
  // The parser drops newlines and tabs anywhere, and whitespace at both ends.
  if (/[\x00-\x1f\x7f]/.test(written) || written.trim() !== written) return false;
  const beforeQuery = written.replace(/[?#][^]*$/, '');
  if (beforeQuery.includes('\\') || /^[^/]*\/\/[^/]*@/.test(beforeQuery)) return false;
  const path = fullyDecoded(beforeQuery.replace(/^[a-z][a-z\d+.-]*:\/\//i, ''));
  // U+FFFD: bytes that are not UTF-8, in which old servers see dots and slashes all the same.
  return path !== undefined && !path.includes('\ufffd') && !path.split(/[/\\]/).some(isDotSegment);
}

/**
 * Whether some server resolves this segment: whatever it cuts off (parameters; query or fragment, where a proxy passes the
 * decoded path on) or drops (control characters, spaces).
 */
function isDotSegment(segment: string): boolean {
  return /^\.{1,2}(?:[;?#]|$)/.test(segment.replace(/[^\x21-\x7e]/g, ''));
}

/** Decodes until nothing changes any more; undefined where that takes too many layers. */
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
