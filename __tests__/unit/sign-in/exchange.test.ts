import { codeExchange, MOST_EXCHANGES } from '../../../src/sign-in/exchange';
import type { ConnectEvent } from '../../../src';

// The places for exchanges at once, and what is not an error of this package.

const grant = { code: 'code', redirectUri: 'https://app.example/connect/callback', codeVerifier: undefined };

test('a place is given back once, however often that is said', () => {
  const exchange = codeExchange({ endpoint: { checkRest: () => undefined } as never, onEvent: undefined }, 1);
  const giveBack = exchange.begin();
  expect(() => exchange.begin()).toThrow('already exchanging 1 codes');
  giveBack();
  giveBack();
  exchange.begin();
  expect(() => exchange.begin()).toThrow('already exchanging 1 codes');
  expect(MOST_EXCHANGES).toBe(100);
});

test('an error of another kind goes on unreported', async () => {
  const events: ConnectEvent[] = [];
  const fault = new Error('of the endpoint');
  const endpoint = { checkRest: () => undefined, exchange: () => Promise.reject(fault) };
  const exchange = codeExchange({ endpoint: endpoint as never, onEvent: (event) => events.push(event) });
  await expect(exchange.redeem(grant, undefined)).rejects.toBe(fault);
  expect(events).toEqual([]);
});
