import { sessionTokens } from '../../../src/session-token';

const tokens = sessionTokens({
  sessionKey: 'connectToken',
  lineageKey: 'connectLineage',
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
