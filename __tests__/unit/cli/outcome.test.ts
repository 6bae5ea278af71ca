import fc from 'fast-check';
import { endsTrying, readOutcome, type Outcome } from '../../../src/cli/doctor/outcome';
import { runs } from '../../support/property';

/** What an answer to a made-up code means. */

function outcomeOf(status: number, body: string): Outcome {
  const answer = { status, headers: {}, body, bytes: Buffer.from(body), unacceptable: undefined };
  return readOutcome({ kind: 'answer', answer }, 1e12);
}

test.each([
  [400, { error: 'invalid_grant' }, 'accepted', 'invalid_grant'],
  [401, { error: 'invalid_client' }, 'refused', 'invalid_client'],
  [400, { error: 'unauthorized_client' }, 'refused', 'unauthorized_client'],
  [400, { error: 'invalid_request' }, 'format', 'invalid_request'],
  [400, { error: 'unsupported_grant_type' }, 'format', 'unsupported_grant_type'],
  [400, { error: 'server_error' }, 'error', 'server_error'],
  [400, { error: 'temporarily_unavailable' }, 'down', 'temporarily_unavailable'],
  [400, { error: 'invalid_scope' }, 'forbidden', 'invalid_scope'],
  [200, { code: 401 }, 'refused', '401'],
  [200, { code: 2038 }, 'refused', '2038'],
  [200, { code: 403 }, 'forbidden', '403'],
  [200, { code: 404 }, 'no-endpoint', '404'],
  [200, { code: 405 }, 'no-endpoint', '405'],
  [200, { code: 410 }, 'no-endpoint', '410'],
  [200, { code: 406 }, 'format', '406'],
  [200, { code: 429 }, 'limited', '429'],
  [200, { code: 500 }, 'error', '500'],
  [200, { code: 503 }, 'down', '503'],
  [200, { success: false }, 'unreadable', 'HTTP 200'],
  [406, {}, 'format', 'HTTP 406'],
  [502, {}, 'error', 'HTTP 502'],
] as const)('HTTP %d with %j: %s', (status, body, kind, sign) => {
  expect(outcomeOf(status, JSON.stringify(body))).toEqual({ kind, sign, weak: false });
});

test.each([
  [400, { code: 16 }, 'HTTP 400'],
  [200, { code: 400 }, '400'],
])('HTTP %d with %j accepts, but might mean something else', (status, body, sign) => {
  expect(outcomeOf(status, JSON.stringify(body))).toEqual({ kind: 'accepted', sign, weak: true });
});

test('any answer has a meaning, and nothing of its text gets into it', () => {
  const status = fc.constantFrom(
    100,
    200,
    201,
    204,
    301,
    307,
    400,
    401,
    403,
    404,
    405,
    406,
    410,
    415,
    418,
    429,
    500,
    502,
    503,
    504,
    999,
  );
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom(
      '<!doctype html>',
      '{"error":"invalid_grant"}',
      '{"error":"access_denied"}',
      '{"code":2036}',
      '{"access_token":"t"}',
    ),
  );
  fc.assert(
    fc.property(status, body, (code, text) => {
      const outcome = outcomeOf(code, text);
      expect(outcome.sign).toMatch(/^(HTTP \d{3}|\d{4}|[a-z_]+|\d{3})$/);
      expect(typeof endsTrying(outcome)).toBe('boolean');
      if (code === 429) expect(outcome.kind).toBe('limited');
      if (outcome.kind === 'issued') expect(text).toContain('access_token');
    }),
    runs(11),
  );
});
