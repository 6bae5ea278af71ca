import { readToken } from '../../../src/provider/token/read-token';

const NOW_MS = Date.UTC(2030, 0, 1);
const LATER = NOW_MS / 1000 + 3600;

describe('a token set is read', () => {
  test.each([
    [
      'as documented',
      { access_token: 'at', refresh_token: 'rt', expires_at: LATER, type: 'bearer' },
      { access_token: 'at', refresh_token: 'rt', expires_at: LATER, type: 'bearer' },
    ],
    [
      'from the envelope',
      { success: true, data: { access_token: 'at', type: 'bearer' } },
      { access_token: 'at', type: 'bearer' },
    ],
    [
      'flat before the envelope',
      { access_token: 'at', success: true, data: { access_token: 'x' } },
      { access_token: 'at', type: 'bearer' },
    ],
    ['without type', { access_token: 'at' }, { access_token: 'at', type: 'bearer' }],
    ['with type null', { access_token: 'at', type: null }, { access_token: 'at', type: 'bearer' }],
    ['with type Bearer', { access_token: 'at', type: 'Bearer' }, { access_token: 'at', type: 'bearer' }],
    ['with token_type BEARER', { access_token: 'at', token_type: 'BEARER' }, { access_token: 'at', type: 'bearer' }],
    [
      'with both types',
      { access_token: 'at', type: 'bearer', token_type: 'Bearer' },
      { access_token: 'at', type: 'bearer' },
    ],
    ['with refresh_token null', { access_token: 'at', refresh_token: null }, { access_token: 'at', type: 'bearer' }],
    ['with refresh_token empty', { access_token: 'at', refresh_token: '' }, { access_token: 'at', type: 'bearer' }],
    ['with scope', { access_token: 'at', scope: 'a b' }, { access_token: 'at', type: 'bearer', scope: 'a b' }],
    ['without a scope of another type', { access_token: 'at', scope: ['a'] }, { access_token: 'at', type: 'bearer' }],
    ['without an unprintable scope', { access_token: 'at', scope: 'a\nb' }, { access_token: 'at', type: 'bearer' }],
    [
      'without an endless scope',
      { access_token: 'at', scope: 'a'.repeat(16_385) },
      { access_token: 'at', type: 'bearer' },
    ],
    [
      'with expires_in',
      { access_token: 'at', expires_in: 3600 },
      { access_token: 'at', type: 'bearer', expires_at: LATER },
    ],
    [
      'with an expiry past, as it came',
      { access_token: 'at', expires_at: 1642507278 },
      { access_token: 'at', type: 'bearer', expires_at: 1642507278 },
    ],
    ['without foreign fields', { access_token: 'at', id_token: 'x', user: {} }, { access_token: 'at', type: 'bearer' }],
    [
      'of the greatest length',
      { access_token: 'a'.repeat(16_384) },
      { access_token: 'a'.repeat(16_384), type: 'bearer' },
    ],
    ['of the outermost characters', { access_token: '!~' }, { access_token: '!~', type: 'bearer' }],
  ])('%s', (_how, body, token) => {
    expect({ ...readToken(body, NOW_MS) }).toStrictEqual(token);
  });
});

describe('a body is no token set', () => {
  test.each([
    ['null', null],
    ['a list', [{ access_token: 'at' }]],
    ['a text', 'at'],
    ['an empty object', {}],
    ['an access_token that is empty', { access_token: '' }],
    ['a number', { access_token: 5 }],
    ['null inside', { access_token: null }],
    ['a list inside', { access_token: ['at'] }],
    ['with a blank in it', { access_token: 'a t' }],
    ['with CR LF in it', { access_token: 'at\r\nX: y' }],
    ['with a final line feed', { access_token: 'at\n' }],
    ['with NUL', { access_token: 'a\0' }],
    ['with a letter beyond ASCII', { access_token: 'ä' }],
    ['with DEL', { access_token: 'a\x7f' }],
    ['one character too long', { access_token: 'a'.repeat(16_385) }],
    ['of type mac', { access_token: 'at', type: 'mac' }],
    ['of token_type DPoP', { access_token: 'at', token_type: 'DPoP' }],
    ['of two types', { access_token: 'at', type: 'bearer', token_type: 'mac' }],
    ['of type true', { access_token: 'at', type: true }],
    ['of empty type', { access_token: 'at', type: '' }],
    ['of padded type', { access_token: 'at', type: 'bearer ' }],
    ['with a numeric refresh_token', { access_token: 'at', refresh_token: 5 }],
    ['with refresh_token false', { access_token: 'at', refresh_token: false }],
    ['with a refresh_token object', { access_token: 'at', refresh_token: {} }],
    ['with a blank refresh_token', { access_token: 'at', refresh_token: ' ' }],
    ['with CR LF in refresh_token', { access_token: 'at', refresh_token: 'r\r\n' }],
    ['an envelope of no success', { data: { access_token: 'at' } }],
    ['an envelope of "true"', { success: 'true', data: { access_token: 'at' } }],
    ['an envelope around a list', { success: true, data: [{ access_token: 'at' }] }],
    ['an empty token before an envelope', { access_token: '', success: true, data: { access_token: 'at' } }],
    ['inherited fields', Object.create({ access_token: 'at' }) as unknown],
    ['an inherited envelope', Object.create({ success: true, data: { access_token: 'at' } }) as unknown],
  ])('%s', (_what, body) => {
    expect(readToken(body, NOW_MS)).toBeUndefined();
  });
});

test('what a polluted prototype holds is no part of a token set', () => {
  const polluted = Object.prototype as unknown as Record<string, unknown>;
  Object.assign(polluted, {
    access_token: 'evil',
    refresh_token: 'evil',
    scope: 'evil',
    type: 'mac',
    expires_in: 5,
    success: true,
    data: { access_token: 'evil' },
  });
  try {
    expect(readToken({}, NOW_MS)).toBeUndefined();
    expect(Object.keys(readToken({ access_token: 'at' }, NOW_MS) ?? {})).toEqual(['access_token', 'type']);
  } finally {
    for (const key of ['access_token', 'refresh_token', 'scope', 'type', 'expires_in', 'success', 'data'])
      Reflect.deleteProperty(polluted, key);
  }
});
