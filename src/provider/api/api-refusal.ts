import { ConnectError } from '../../errors/connect-error';

/** What about a call our side could not accept, before anything of it was sent. */
export type ApiCallFault = 'url' | 'method' | 'body' | 'timeout' | 'response_type' | 'cancel_token' | 'request';

const NEXT_STEP: Readonly<Record<ApiCallFault, string>> = {
  url:
    'This address is not below apiBaseUrl, or not plainly so: pass a path such as /me, put what comes from outside ' +
    'through encodeURIComponent, and leave out dot segments, backslashes, control characters and user info.',
  method: 'The method of the call is none of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS and QUERY.',
  body:
    'The body of the call cannot be sent: pass a string, a JSON value, a Buffer or typed array, URLSearchParams, a Blob or ' +
    'the global FormData. Streams and forms of packages are not sent, nor what JSON would empty (Map, Set, Response, a promise): read a stream first (buffer() of ' +
    'node:stream/consumers; fs.openAsBlob() for a file), put files into a form as Blobs, and bytes into JSON as base64 text.',
  timeout: 'The timeout of the call is not a number of milliseconds from 0 on.',
  response_type: 'The responseType of the call is none of json, text and arraybuffer.',
  cancel_token: 'A cancelToken is not supported: pass the signal of an AbortController.',
  request:
    'The call could not be made: check its headers, params and settings, and that the option agent serves the ' +
    'protocol of apiBaseUrl.',
};

/** The error for a call that was not made: nothing left this process. Names the fault, never a value of the call. */
export function apiCallRefused(reason: ApiCallFault): ConnectError {
  return new ConnectError('ERR_CONNECT_CONFIG', { stage: 'api', reason, message: NEXT_STEP[reason] });
}
