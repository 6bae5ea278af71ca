import { apiRefusals } from '../../../src/access/api-refusals';

test('10,000 tokens that a refresh did not cure are remembered, the oldest being given up first', () => {
  const refusals = apiRefusals();
  const token = (number: number) => ({ access_token: `token ${number}`, expires_at: 4e9 });
  for (let number = 0; number <= 10_000; number += 1) refusals.inVain(token(number).access_token);
  expect([0, 1, 10_000].map((number) => refusals.mayHelp(token(number)))).toEqual([true, false, false]);
});
