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

/** Whether every reader of this address sees the same path in it. */
function isPlain(written: string): boolean {
  // The parser drops line ends and tabs anywhere, and blanks at both ends.
  if (/[\x00-\x1f\x7f]/.test(written) || written.trim() !== written) return false;
  const beforeQuery = written.replace(/[?#][^]*$/, '');
  if (beforeQuery.includes('\\') || /^[^/]*\/\/[^/]*@/.test(beforeQuery)) return false;
  const path = beforeQuery.replace(/^[a-z][a-z\d+.-]*:\/\//i, '');
  return !decoded(path)
    .split(/[/\\]/)
    .some((segment) => /^\.\.?(?:;.*)?$/.test(segment));
}

/** Decodes what dot segments can be hidden in, as often as somebody on the way might. */
function decoded(path: string): string {
  return path
    .replace(/%(?:25)+/g, '%')
    .replace(/%2e/gi, '.')
    .replace(/%2f/gi, '/')
    .replace(/%5c/gi, '\\')
    .replace(/%3b/gi, ';');
}
