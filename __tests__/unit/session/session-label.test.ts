import fc from 'fast-check';
import { labelOf, readLabel } from '../../../src/session/connect-token';
import { tokenSet } from '../../support/token-set';

const at = { connectionId: 'c0nn_ect-ion', generation: 7 };

test.each([
  ['c0nn_ect-ion.7', at],
  ['c0nn_ect-ion.7.30', { ...at, lifetimeSeconds: 30 }],
  ['c0nn_ect-ion.7.u5er', { ...at, ownerTag: 'u5er' }],
  ['c0nn_ect-ion.7.30.u5er', { ...at, lifetimeSeconds: 30, ownerTag: 'u5er' }],
  // What a later version may append changes nothing for this one.
  ['c0nn_ect-ion.7.30.u5er.later.0', { ...at, lifetimeSeconds: 30, ownerTag: 'u5er' }],
  ['c0nn_ect-ion.7.30.31', { ...at, lifetimeSeconds: 30 }],
  ['c0nn_ect-ion.7.u5er.30', { ...at, ownerTag: 'u5er' }],
  ['c0nn_ect-ion.7.9999999999', at],
  ['0.0', { connectionId: '0', generation: 0 }],
  ['__proto__.1', { connectionId: '__proto__', generation: 1 }],
])('%s is read', (text, expected) => {
  expect(readLabel(text)).toEqual(expected);
});

test.each([
  undefined,
  null,
  5,
  {},
  ['a.1'],
  '',
  'a',
  'a.',
  '.1',
  'a.x',
  'a.-1',
  'a.1e3',
  'a.1.',
  'a.1..b',
  'a b.1',
  'a.1\n',
  `${'a'.repeat(65)}.1`,
  'a.999999999',
  'a.1234567890',
  `a.1.${'b'.repeat(65)}`,
  `a.1${'.b'.repeat(9)}`,
])('%j is no label', (value) => {
  expect(readLabel(value)).toBeUndefined();
});

test('what is written is read again; a lifetime only where it is short against the leeway', () => {
  const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/u);
  const nat = fc.nat({ max: 999_999_998 });
  fc.assert(
    fc.property(
      part,
      nat,
      fc.option(nat, { nil: undefined }),
      fc.nat({ max: 3600 }),
      (connectionId, generation, life, leeway) => {
        const set = tokenSet({
          token: { access_token: 'a', type: 'bearer' as const },
          connectionId,
          generation,
          lifetimeSeconds: life,
        });
        const isShort = life !== undefined && life < Math.max(20, 5 * leeway);
        expect(readLabel(labelOf(set, leeway))).toEqual({
          connectionId,
          generation,
          ...(isShort ? { lifetimeSeconds: life } : {}),
        });
      },
    ),
    { seed: 20_260_101 },
  );
});
