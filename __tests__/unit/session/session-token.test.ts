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

describe('the token of a user', () => {
  const ofAda = (generation: number): Record<string, unknown> => ({
    connectToken: {
      access_token: `token ${generation}`.replace(' ', '-'),
      type: 'bearer',
      connection: `c.${generation}.oada`,
    },
  });
  const seen = (session: Record<string, unknown>): unknown =>
    (session['connectToken'] as { access_token?: string } | undefined)?.access_token;

  test.each([1, 2])('is shown to that user only, also where connectAuth() is mounted %i times', (times) => {
    const session = ofAda(0);
    let now: string | undefined = 'oada';
    for (let time = 0; time < times; time += 1) tokens.showOnlyTo(session, () => now);
    expect({ seen: seen(session), hidden: tokens.isHidden(session) }).toEqual({ seen: 'token-0', hidden: false });
    now = 'obob';
    expect({ seen: seen(session), hidden: tokens.isHidden(session) }).toEqual({ seen: undefined, hidden: true });
    expect(tokens.read(session)).toMatchObject({ kind: 'held', set: { ownerTag: 'oada' } });
  });

  test('is stored as it was loaded while nobody has read it, unless there is a newer one, which stays theirs', () => {
    const own = sessionTokens({
      sessionKey: 'connectToken',
      oldLabelKey: 'connectLineage',
      clientId: 'c',
      tokenUrl: 'https://provider.example/token',
      refreshLeewaySeconds: 60,
    });
    const session = ofAda(0);
    own.showOnlyTo(session, () => 'oada');
    expect(own.kept(session)).toBeUndefined();
    const found = own.read({ connectToken: { access_token: 'token-1', type: 'bearer', connection: 'c.1' } });
    if (found.kind === 'held') own.hold({}, found.set);
    expect(own.kept(session)?.['connectToken']).toMatchObject({ access_token: 'token-1', connection: 'c.1.oada' });
  });

  test('that an app has put there without a label is read before it is stored', () => {
    const session: Record<string, unknown> = { connectToken: { access_token: 'of-the-app', type: 'bearer' } };
    tokens.showOnlyTo(session, () => undefined);
    expect(tokens.kept(session)?.['connectToken']).toMatchObject({ access_token: 'of-the-app' });
    expect(tokens.connectionIn(session)).toMatch(/^[\w-]{43}$/u);
  });
});
