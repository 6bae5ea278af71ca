import crypto from 'node:crypto';
import { randomText } from '../../../src/base/random-text';

test('ten thousand texts of any length are as long as they should be, and no two are alike', () => {
  const lengths = [16, 24, 32, 1000, 1024];
  const texts = Array.from({ length: 10_000 }, (_, index) => randomText(lengths[index % lengths.length] ?? 0));
  expect(new Set(texts).size).toBe(texts.length);
  const bytes = texts.map((text) => Buffer.from(text, 'base64url').length);
  expect(bytes).toEqual(texts.map((_, index) => lengths[index % lengths.length]));
});

test('each byte of the source is given once, and then no longer kept', () => {
  let source: Buffer | undefined;
  const fill = jest.spyOn(crypto, 'randomFillSync').mockImplementation(((pool: Buffer) => {
    source = pool.fill(7);
    return pool;
  }) as typeof crypto.randomFillSync);
  // The rest of what was fetched before is too short.
  const first = randomText(1024);
  const second = randomText(24);
  fill.mockRestore();
  expect([first, second].map((text) => new Set(Buffer.from(text, 'base64url')))).toEqual([new Set([7]), new Set([7])]);
  expect(source?.subarray(0, 24)).toEqual(Buffer.alloc(24));
  expect(source?.subarray(24)).toEqual(Buffer.alloc(1000, 7));
  // What is left is not random.
  expect(randomText(1024)).not.toBe(first);
});
