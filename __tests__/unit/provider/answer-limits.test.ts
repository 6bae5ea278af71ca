import { readApiAnswer } from '../../../src/provider/api/api-answer';
import { findErrorSigns } from '../../../src/provider/errors/error-sign';
import { readAnswer } from '../../../src/provider/token/read-answer';

/**
 * Looking for signs of an error costs a bounded amount, however large the answer is: these limits are the reason.
 * What they save is measured by `node bench/large-answers.mjs`.
 */

/** A value that counts how many of its objects and lists were looked into. */
function counted(value: unknown, seen: { looks: number }): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const looked = new WeakSet();
  return new Proxy(value, {
    getOwnPropertyDescriptor(target, name) {
      if (!looked.has(target)) seen.looks += 1;
      looked.add(target);
      const member = Reflect.getOwnPropertyDescriptor(target, name);
      return member?.configurable === true ? { ...member, value: counted(member.value, seen) } : member;
    },
  });
}

const nested = (depth: number, width: number): unknown =>
  depth === 0 ? 0 : Array.from({ length: width }, () => nested(depth - 1, width));

test.each<[string, PropertyDescriptor]>([
  ['read-only', { value: 'of a stranger' }],
  ['with a setter', { get: () => undefined, set: () => undefined }],
])('members that Object.prototype has, %s, hide no sign of an error', (_what, property) => {
  const bytes = Buffer.from('{"success":true,"status":"ok","error":"invalid_scope"}');
  const answer = { status: 200, headers: {}, bytes, body: bytes.toString(), unacceptable: undefined };
  for (const name of ['status', 'error'])
    Object.defineProperty(Object.prototype, name, { ...property, configurable: true });
  try {
    expect(readApiAnswer(answer, { method: 'GET', dataType: 'json', nowMs: 0 }).kind).toBe('error');
  } finally {
    for (const name of ['status', 'error']) Reflect.deleteProperty(Object.prototype, name);
  }
});

test.each([
  ['a long list of objects', Array.from({ length: 5000 }, () => ({ code: 16 }))],
  ['lists in lists', nested(4, 20)],
  ['lists in lists under names', { error: nested(3, 20), errors: nested(3, 20), data: nested(3, 20) }],
])('of %s at most 200 values are looked at', (_what, value) => {
  const seen = { looks: 0 };
  findErrorSigns(counted(value, seen));
  expect(seen.looks).toBeGreaterThan(0);
  expect(seen.looks).toBeLessThanOrEqual(200);
});

test('values on more than 6 levels are not looked at', () => {
  let deep: unknown = { code: 2036 };
  for (let level = 2; level <= 6; level += 1) deep = { error: deep };
  expect({ six: findErrorSigns(deep).accountCode, seven: findErrorSigns({ error: deep }).accountCode }).toEqual({
    six: 2036,
    seven: undefined,
  });
});

const apiReading = (value: unknown): string => {
  const body = JSON.stringify(value);
  const answer = { status: 200, headers: {}, bytes: Buffer.from(body), body, unacceptable: undefined };
  return readApiAnswer(answer, { method: 'GET', dataType: 'json', nowMs: 0 }).kind;
};

test.each([
  [200, 'error'],
  [201, 'data'],
])('a list of %i errors from the API is read as %s', (length, kind) => {
  expect(apiReading(Array.from({ length }, () => ({ code: 400 })))).toBe(kind);
});

test.each([
  [9, 'error'],
  [10, 'data'],
])('an error in a list whose sign stands after %i other values is read as %s', (before, kind) => {
  // The element itself and its list are two of them.
  const texts = Array<string>(before - 2).fill('no sign');
  expect(apiReading([{ message: [...texts, 'Invalid API Key'] }])).toBe(kind);
});

test.each([
  [8192, 'ERR_CONNECT_CONFIG'],
  [8193, 'ERR_CONNECT_RESPONSE'],
])('a form of %i characters that says invalid_client is %s', (length, code) => {
  const body = 'error=invalid_client&pad='.padEnd(length, 'x');
  const { error } = readAnswer({ status: 200, body }, { stage: 'exchange', statusByApiCode: {}, nowMs: 0 });
  expect(error?.code).toBe(code);
});
