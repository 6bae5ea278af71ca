import { placeOf } from '../../../src/errors/place';

// What is said of the place where code of the app has failed: the place, and nothing that its message holds.

test('is the first frame of the stack', () => {
  expect(placeOf(new TypeError('no'))).toMatch(/place\.test\.ts:\d+:\d+$/u);
});

test.each([
  ['a message that looks like a frame', 'x\n    at CANARY:1:1'],
  ['a message that looks like a frame in brackets', 'x\n    at fn (CANARY:1:1)'],
  ['an empty message', ''],
])('with %s it is a frame all the same', (_what, message) => {
  expect(placeOf(new TypeError(message))).toMatch(/place\.test\.ts:\d+:\d+$/u);
});

const changed = new TypeError('at first');
// Written when it is first read.
expect(changed.stack).toContain('at first');
changed.message = 'CANARY';

test.each<readonly [string, object]>([
  ['no stack', Object.assign(new TypeError('x'), { stack: undefined })],
  ['a stack that is not text', Object.assign(new TypeError('x'), { stack: { at: 'CANARY:1:1' } })],
  ['a stack of the message only', Object.assign(new TypeError('x'), { stack: 'TypeError: x' })],
  ['a message that is not text', Object.assign(new TypeError('x'), { message: 1 })],
  ['a message that was changed', changed],
  ['no members of its own', Object.create(new TypeError('x')) as object],
])('is unknown for an error with %s', (_what, error) => {
  expect(placeOf(error)).toBe('unknown');
});
