import { inspect } from 'node:util';
import { isSealed, sealer, type EncryptionKey } from '../../../src/session/seal';

const ONE: EncryptionKey = { id: 'one', secret: 'the first secret of the ring, 40 letters' };
const TWO: EncryptionKey = { id: 'two', secret: 'the other secret of the ring, 40 letters' };
const TEXT = JSON.stringify({ access_token: 'token-ä€😀', refresh_token: 'refresh' });
const CONTEXT = ['client', 'connectionId'];
const ring = sealer([ONE], 'ledger');
const sealed = ring.seal(TEXT, CONTEXT);

test('what was sealed opens to the letter, the empty text and a long one too', () => {
  for (const text of [TEXT, '', '\0\r\n', 'x'.repeat(100_000)]) expect(ring.open(ring.seal(text, []), [])).toBe(text);
});

test('the envelope names its version and key, and shows nothing else', () => {
  expect(sealed).toMatch(/^v1\.one\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/u);
  const [, , iv = '', bytes = ''] = sealed.split('.');
  expect(Buffer.from(iv, 'base64url')).toHaveLength(12);
  expect(Buffer.from(bytes, 'base64url')).toHaveLength(Buffer.byteLength(TEXT) + 16);
  expect(isSealed(sealed)).toBe(true);
});

test('a thousand seals of one text differ in every envelope and every IV', () => {
  const all = Array.from({ length: 1000 }, () => ring.seal(TEXT, CONTEXT));
  expect(new Set(all).size).toBe(1000);
  expect(new Set(all.map((envelope) => envelope.split('.')[2])).size).toBe(1000);
});

test('a change of any one character closes it for good', () => {
  for (let at = 0; at < sealed.length; at += 1) {
    // The last character of base64 may carry spare bits; the decoder drops those.
    const last = at === sealed.length - 1;
    const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? (last ? '_' : 'B') : 'A') + sealed.slice(at + 1);
    expect({ at, opened: ring.open(changed, CONTEXT) }).toEqual({ at, opened: undefined });
  }
});

test('a change of any one bit of IV, text or tag closes it', () => {
  const [version = '', id = '', ...parts] = sealed.split('.');
  for (const which of [0, 1] as const) {
    const bytes = Buffer.from(parts[which] ?? '', 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const envelope = [version, id, ...parts.with(which, flipped.toString('base64url'))].join('.');
      expect({ which, bit, opened: ring.open(envelope, CONTEXT) }).toEqual({ which, bit, opened: undefined });
    }
  }
});

test('a shortened, lengthened or foreign text does not open', () => {
  const foreign = [
    '',
    'v1',
    'v1.one',
    `${sealed}A`,
    sealed.slice(0, -4),
    ` ${sealed}`,
    `${sealed}\n`,
    sealed.replace('v1', 'v2'),
    sealed.replace('.one.', '..'),
    `v1.one.${'A'.repeat(16)}.${'A'.repeat(22)}`,
    TEXT,
    `v1.__proto__.${'A'.repeat(16)}.${'A'.repeat(22)}`,
  ];
  expect(foreign.map((text) => ring.open(text, CONTEXT))).toEqual(foreign.map(() => undefined));
});

test('another secret, another id or another purpose does not open it', () => {
  expect(sealer([{ ...ONE, secret: TWO.secret }], 'ledger').open(sealed, CONTEXT)).toBeUndefined();
  expect(sealer([{ ...ONE, id: 'uno' }], 'ledger').open(sealed, CONTEXT)).toBeUndefined();
  expect(sealer([ONE], 'session').open(sealed, CONTEXT)).toBeUndefined();
});

test('an envelope under the name of another key of the ring does not open, even with the same secret', () => {
  const twins = sealer([ONE, { ...ONE, id: 'twin' }], 'ledger');
  expect(twins.open(sealed, CONTEXT)).toBe(TEXT);
  expect(twins.open(sealed.replace('.one.', '.twin.'), CONTEXT)).toBeUndefined();
});

test.each([
  [[]],
  [['client']],
  [['client', 'other']],
  [['connectionId', 'client']],
  [['clientlineage']],
  [['client', 'connectionId', '']],
  [['client","connectionId']],
])('moved to %j it does not open', (context) => {
  expect(ring.open(sealed, context)).toBeUndefined();
});

test('a rotated ring seals with its first key and opens what every key of it has sealed', () => {
  const rotated = sealer([TWO, ONE], 'ledger');
  expect(rotated.open(sealed, CONTEXT)).toBe(TEXT);
  const fresh = rotated.seal(TEXT, CONTEXT);
  expect(fresh).toMatch(/^v1\.two\./u);
  expect(ring.open(fresh, CONTEXT)).toBeUndefined();
  expect(sealer([TWO], 'ledger').open(sealed, CONTEXT)).toBeUndefined();
});

test('a sealer shows no secret', () => {
  expect(inspect(ring, { depth: 9, showHidden: true }) + JSON.stringify(ring)).not.toContain('secret of the ring');
});

test.each([undefined, null, 7, {}, '', 'a.b.c', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'])(
  '%j is no envelope',
  (value) => {
    expect(isSealed(value)).toBe(false);
  },
);
