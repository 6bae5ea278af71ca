import { apiRefusals } from '../../../src/access/api-refusals';
import { takeOverTime } from '../../support/refreshing';

const token = (number: number) => ({ access_token: `token ${number}`, expires_at: 4e9 });

test('a token that a refresh brought and the API refuses within a minute is not cured, for a day', () => {
  const time = takeOverTime();
  time.stop();
  const refusals = apiRefusals();
  for (const number of [1, 2]) refusals.brought(token(number).access_token);
  time.pass(59_999);
  expect(refusals.mayHelp(token(1))).toBe(false);
  time.pass(1);
  expect([1, 2].map((number) => refusals.mayHelp(token(number)))).toEqual([false, true]);
  time.pass(24 * 3_600_000 - 2);
  expect(refusals.mayHelp(token(1))).toBe(false);
  time.pass(1);
  expect(refusals.mayHelp(token(1))).toBe(true);
});

test('10,000 tokens that a refresh did not cure are remembered, the oldest being given up first', () => {
  const refusals = apiRefusals();
  for (let number = 0; number <= 10_000; number += 1) refusals.inVain(token(number).access_token);
  expect([0, 1, 10_000].map((number) => refusals.mayHelp(token(number)))).toEqual([true, false, false]);
});
