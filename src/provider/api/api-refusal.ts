import { ConnectError } from '../../errors/connect-error';

/** What makes a call unacceptable, before anything of it is sent. */
export type ApiCallFault = 'url' | 'method' | 'body' | 'timeout' | 'response_type' | 'cancel_token' | 'request';

const NEXT_STEP: Readonly<Record<ApiCallFault, string>> = {
  url:
    'This address is not clearly below apiBaseUrl: pass a path such as /me, encode values from outside with ' +
    'encodeURIComponent, and leave out dot segments, backslashes, control characters and user info.',
  method: 'The method of the call must be GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or QUERY.',
  body:
    'The body of the call cannot be sent: pass a string, a JSON value, a Buffer or typed array, URLSearchParams, a Blob or ' +
    'the global FormData. Streams, forms of other packages, and objects that JSON would empty (Map, Set, Response, a promise) ' +
    'are not sent: read a stream first (buffer() of node:stream/consumers; fs.openAsBlob() for a file), put files into a ' +
    'form as Blobs, and bytes into JSON as base64 text.',
  timeout: 'The timeout of the call must be a number of milliseconds, 0 or more.',
  response_type: 'The responseType of the call must be json, text or arraybuffer.',
  cancel_token: 'A cancelToken is not supported: pass the signal of an AbortController.',
  request:
    'The call could not be made: check its headers, params and settings, and that the option agent serves the ' +
    'protocol of apiBaseUrl.',
};

/** The error for a call that was not made: nothing left this process. Names the fault, never a value of the call. */
export function apiCallRefused(reason: ApiCallFault): ConnectError {
  return new ConnectError('ERR_CONNECT_CONFIG', { stage: 'api', reason, message: NEXT_STEP[reason] });
}
