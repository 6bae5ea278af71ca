import type { ConnectErrorCode } from '../../src/errors/connect-error';

export type Expected = readonly [status: number, code: ConnectErrorCode];

/** The error table of docs/errors.md, written down a second time: API code, text, sign-in, refresh, API call. */
export const EXPECTED: readonly (readonly [number, string, Expected, Expected, Expected])[] = [
  [400, 'request invalid', [400, 'ERR_CONNECT_GRANT'], [401, 'ERR_CONNECT_EXPIRED'], [400, 'ERR_CONNECT_API']],
  [401, 'API key is wrong', [500, 'ERR_CONNECT_CONFIG'], [401, 'ERR_CONNECT_EXPIRED'], [401, 'ERR_CONNECT_EXPIRED']],
  [
    403,
    'administrators only',
    [403, 'ERR_CONNECT_FORBIDDEN'],
    [401, 'ERR_CONNECT_EXPIRED'],
    [403, 'ERR_CONNECT_FORBIDDEN'],
  ],
  [404, 'not found', [502, 'ERR_CONNECT_RESPONSE'], [502, 'ERR_CONNECT_RESPONSE'], [404, 'ERR_CONNECT_API']],
  [405, 'method', [502, 'ERR_CONNECT_RESPONSE'], [502, 'ERR_CONNECT_RESPONSE'], [405, 'ERR_CONNECT_API']],
  [406, 'not json', [502, 'ERR_CONNECT_RESPONSE'], [502, 'ERR_CONNECT_RESPONSE'], [406, 'ERR_CONNECT_API']],
  [410, 'gone', [502, 'ERR_CONNECT_RESPONSE'], [502, 'ERR_CONNECT_RESPONSE'], [410, 'ERR_CONNECT_API']],
  [
    429,
    'too many requests',
    [503, 'ERR_CONNECT_RATE_LIMITED'],
    [503, 'ERR_CONNECT_RATE_LIMITED'],
    [429, 'ERR_CONNECT_RATE_LIMITED'],
  ],
  [
    500,
    'their server',
    [502, 'ERR_CONNECT_UNAVAILABLE'],
    [502, 'ERR_CONNECT_UNAVAILABLE'],
    [502, 'ERR_CONNECT_UNAVAILABLE'],
  ],
  [
    503,
    'maintenance',
    [503, 'ERR_CONNECT_UNAVAILABLE'],
    [503, 'ERR_CONNECT_UNAVAILABLE'],
    [503, 'ERR_CONNECT_UNAVAILABLE'],
  ],
  [2032, 'API Key is required', [500, 'ERR_CONNECT_CONFIG'], [500, 'ERR_CONNECT_CONFIG'], [500, 'ERR_CONNECT_CONFIG']],
  [2034, 'Email is required', [422, 'ERR_CONNECT_ACCOUNT'], [401, 'ERR_CONNECT_EXPIRED'], [422, 'ERR_CONNECT_ACCOUNT']],
  [2036, 'Invalid API Key', [500, 'ERR_CONNECT_CONFIG'], [500, 'ERR_CONNECT_CONFIG'], [500, 'ERR_CONNECT_CONFIG']],
  [
    2038,
    'Provide valid API Key',
    [500, 'ERR_CONNECT_CONFIG'],
    [500, 'ERR_CONNECT_CONFIG'],
    [500, 'ERR_CONNECT_CONFIG'],
  ],
  [
    2039,
    'Email already exists',
    [409, 'ERR_CONNECT_ACCOUNT'],
    [401, 'ERR_CONNECT_EXPIRED'],
    [409, 'ERR_CONNECT_ACCOUNT'],
  ],
  [
    2040,
    'Phone already exists',
    [409, 'ERR_CONNECT_ACCOUNT'],
    [401, 'ERR_CONNECT_EXPIRED'],
    [409, 'ERR_CONNECT_ACCOUNT'],
  ],
  [2041, 'Email Invalid', [422, 'ERR_CONNECT_ACCOUNT'], [401, 'ERR_CONNECT_EXPIRED'], [422, 'ERR_CONNECT_ACCOUNT']],
];

/** OAuth name, at callback and exchange, at refresh, on an API call. */
export const EXPECTED_OAUTH: readonly (readonly [string, Expected, Expected, Expected])[] = [
  ['invalid_grant', [400, 'ERR_CONNECT_GRANT'], [401, 'ERR_CONNECT_EXPIRED'], [401, 'ERR_CONNECT_EXPIRED']],
  ['invalid_client', [500, 'ERR_CONNECT_CONFIG'], [500, 'ERR_CONNECT_CONFIG'], [500, 'ERR_CONNECT_CONFIG']],
  ['unauthorized_client', [500, 'ERR_CONNECT_CONFIG'], [500, 'ERR_CONNECT_CONFIG'], [500, 'ERR_CONNECT_CONFIG']],
  ['unsupported_grant_type', [500, 'ERR_CONNECT_CONFIG'], [401, 'ERR_CONNECT_EXPIRED'], [500, 'ERR_CONNECT_CONFIG']],
  ['unsupported_response_type', [500, 'ERR_CONNECT_CONFIG'], [401, 'ERR_CONNECT_EXPIRED'], [500, 'ERR_CONNECT_CONFIG']],
  ['invalid_scope', [500, 'ERR_CONNECT_CONFIG'], [401, 'ERR_CONNECT_EXPIRED'], [500, 'ERR_CONNECT_CONFIG']],
  ['invalid_request', [500, 'ERR_CONNECT_CONFIG'], [401, 'ERR_CONNECT_EXPIRED'], [400, 'ERR_CONNECT_API']],
  ['access_denied', [403, 'ERR_CONNECT_DENIED'], [401, 'ERR_CONNECT_EXPIRED'], [403, 'ERR_CONNECT_DENIED']],
  [
    'server_error',
    [502, 'ERR_CONNECT_UNAVAILABLE'],
    [502, 'ERR_CONNECT_UNAVAILABLE'],
    [502, 'ERR_CONNECT_UNAVAILABLE'],
  ],
  [
    'temporarily_unavailable',
    [503, 'ERR_CONNECT_UNAVAILABLE'],
    [503, 'ERR_CONNECT_UNAVAILABLE'],
    [503, 'ERR_CONNECT_UNAVAILABLE'],
  ],
];
