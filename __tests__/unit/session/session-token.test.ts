import { sessionTokens } from '../../../src/session/session-token';

const tokens = sessionTokens({
  sessionKey: 'connectToken',
  oldLabelKey: 'connectLineage',
  clientId: 'c',
  tokenUrl: 'https://provider.example/token',
  refreshLeewaySeconds: 60,
});

test("the app's part of a session is the same loaded as stored, also with values that serialise by their name", () => {
  // As another instance's sealed token does: plain to readers, an envelope under its own name.
  const loaded = {
    basket: 'pears',
    shopToken: { toJSON: (name: string) => (name === 'shopToken' ? 'sealed' : 'plain') },
  };
  expect(tokens.appPart(loaded)).toBe(
    tokens.appPart({ basket: 'pears', shopToken: 'sealed', cookie: {}, connectLineage: 'x.1' }),
  );
  expect(tokens.appPart(loaded)).not.toBe(tokens.appPart({ basket: 'apples', shopToken: 'sealed' }));
});

test('the newest token of 5,000 connections is remembered for older copies, the oldest being given up first', () => {
  const holding = (number: number, generation: number) => ({
    connectToken: {
      access_token: `generation-${generation}`,
      type: 'bearer',
      connection: `c${number}.${generation}`,
    },
  });
  for (let number = 0; number <= 5000; number += 1) {
    const found = tokens.read(holding(number, 1));
    if (found.kind === 'held') tokens.hold({}, found.set);
  }
  const kept = [0, 1, 5000].map((number) => tokens.kept(holding(number, 0))?.['connectToken']);
  const newest = expect.objectContaining({ access_token: 'generation-1' }) as unknown;
  expect(kept).toEqual([undefined, newest, newest]);
});
