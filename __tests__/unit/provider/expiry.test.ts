import { readExpiry } from '../../../src/provider/token/expiry';

const NOW = Date.UTC(2030, 0, 1) / 1000;
const NOW_MS = NOW * 1000;
const LAST = 253_402_300_799;

describe('expires_at', () => {
  test.each([
    ['seconds', NOW + 3600, NOW + 3600],
    ['milliseconds', (NOW + 3600) * 1000, NOW + 3600],
    ['milliseconds with a fraction', NOW_MS + 3_600_999, NOW + 3600],
    ['seconds with a fraction', NOW + 1.9, NOW + 1],
    ['a duration', 3600, NOW + 3600],
    ['a duration of one second', 1, NOW + 1],
    ['the longest duration', 999_999_999, NOW + 999_999_999],
    ['digits', String(NOW + 3600), NOW + 3600],
    ['digits of milliseconds', String(NOW_MS + 5000), NOW + 5],
    ['digits of a duration', '3600', NOW + 3600],
    ['digits with a fraction', '10.5', NOW + 10],
    ['ISO in UTC', '2030-01-01T01:00:00Z', NOW + 3600],
    ['ISO with milliseconds', '2030-01-01T01:00:00.500Z', NOW + 3600],
    ['ISO without zone', '2030-01-01T01:00:00', NOW + 3600],
    ['ISO with a blank', '2030-01-01 01:00:00', NOW + 3600],
    ['ISO without seconds', '2030-01-01T01:00', NOW + 3600],
    ['ISO with an offset', '2030-01-01T03:00:00+02:00', NOW + 3600],
    ['ISO with a short offset', '2029-12-31T20:00:00-0500', NOW + 3600],
    ['ISO in lower case', '2030-01-01t01:00:00z', NOW + 3600],
    ['ISO with microseconds', '2030-01-01T01:00:00.123456Z', NOW + 3600],
    ['the last second of 9999', LAST * 1000, LAST],
    ['the last second of 9999 as ISO', '9999-12-31T23:59:59Z', LAST],
  ])('as %s, %p, is %i', (_form, value, expected) => {
    expect(readExpiry({ expires_at: value }, NOW_MS)).toBe(expected);
    expect(readExpiry({ expires_in: value }, NOW_MS)).toBe(expected);
  });

  test.each([
    [undefined],
    [null],
    [true],
    [false],
    [''],
    [' '],
    ['soon'],
    [[]],
    [[3600]],
    [{}],
    [Number.NaN],
    [Infinity],
    [-Infinity],
    [0],
    [-0],
    [-1],
    [-3600],
    ['-1'],
    ['+3600'],
    ['0x10'],
    ['1e3'],
    ['3600s'],
    [' 3600'],
    ['3600\n'],
    ['1_000'],
    ['NaN'],
    ['Infinity'],
    ['.5'],
    ['5.'],
    ['0'],
    [1e300],
    [(LAST + 1) * 1000],
    ['99999999999999999999'],
    ['2030-13-01T00:00:00Z'],
    ['2030-01-01T25:00:00Z'],
    ['2031-01-01T00:00:00+99:99'],
    ['2031-01-01'],
    ['01/01/2031'],
    ['Tue, 01 Jan 2031 00:00:00 GMT'],
    ['+010000-01-01T00:00:00Z'],
    ['2031-01-01T00:00:00Z\n'],
    ['2031-01-01T00:00:00 UTC'],
  ])('as %p is unknown', (value) => {
    expect(readExpiry({ expires_at: value }, NOW_MS)).toBeUndefined();
    expect(readExpiry({ expires_in: value }, NOW_MS)).toBeUndefined();
  });

  test.each([
    [1_642_507_278, 1_642_507_278],
    ['1642507278', 1_642_507_278],
    [1_642_507_278_999, 1_642_507_278],
    ['2022-01-18T12:01:18Z', 1_642_507_278],
    [NOW, NOW],
    [NOW - 1, NOW - 1],
    [NOW_MS, NOW],
    [1e9, 1e9],
    [1e11, 1e8],
    [LAST + 1, 253_402_300],
    [0.1, NOW],
    ['2029-12-31T23:59:59Z', NOW - 1],
  ])('as %p has passed, and is given as it came: %i', (value, expected) => {
    expect(readExpiry({ expires_at: value }, NOW_MS)).toBe(expected);
    expect(readExpiry({ expires_in: value }, NOW_MS)).toBe(expected);
  });

  test('before 1970 is unknown', () => {
    expect(readExpiry({ expires_at: '1969-12-31T23:59:59Z' }, NOW_MS)).toBeUndefined();
  });

  test('that has passed gives way to a moment to come, and to nothing else', () => {
    expect(readExpiry({ expires_at: 1_642_507_278, expires_in: 20 }, NOW_MS)).toBe(NOW + 20);
    expect(readExpiry({ expires_at: 1_642_507_278, expires_in: NOW - 5 }, NOW_MS)).toBe(1_642_507_278);
    expect(readExpiry({ expires_at: 1_642_507_278, expires_in: 'soon' }, NOW_MS)).toBe(1_642_507_278);
    expect(readExpiry({ expires_in: 1_642_507_278 }, NOW_MS)).toBe(1_642_507_278);
  });

  test('comes before expires_in, which is read where expires_at tells nothing', () => {
    expect(readExpiry({ expires_at: NOW + 10, expires_in: 20 }, NOW_MS)).toBe(NOW + 10);
    expect(readExpiry({ expires_at: null, expires_in: 20 }, NOW_MS)).toBe(NOW + 20);
    expect(readExpiry({ expires_at: 'soon', expires_in: '20' }, NOW_MS)).toBe(NOW + 20);
  });
});
