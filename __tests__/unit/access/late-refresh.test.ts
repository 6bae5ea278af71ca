import { apiRefusals } from '../../../src/access/api-refusals';
import type { Copy } from '../../../src/access/copy';
import { noToken } from '../../../src/access/no-token';
import { tokenSource } from '../../../src/access/token-source';
import { endedConnections } from '../../../src/refresh/ended';
import type { RefreshOutcome } from '../../../src/refresh/outcome';
import type { TokenSet } from '../../../src/session/connect-token';
import { tokenSet } from '../../support/token-set';

const setOf = (generation: number): TokenSet =>
  tokenSet({
    token: { access_token: `a${generation}`, refresh_token: `r${generation}`, expires_at: 1, type: 'bearer' },
    connectionId: 'c',
    generation,
  });

test('a refresh that takes longer than its callers wait is recorded all the same', async () => {
  let finish: (outcome: RefreshOutcome) => void = () => undefined;
  const outcome = new Promise<RefreshOutcome>((resolve) => {
    finish = resolve;
  });
  const recorded: TokenSet[] = [];
  const nothing = (): Promise<undefined> => Promise.resolve(undefined);
  const copy: Copy = {
    begin: () => undefined,
    beforeRefresh: () => undefined,
    newer: nothing,
    hold: () => undefined,
    persist: nothing,
    record: (set) => void recorded.push(set),
    clear: nothing,
    retentionMs: () => 1000,
  };
  const tokenOf = tokenSource({
    tokens: { shown: ({ token }) => token },
    flights: {
      waitMaxMs: 10,
      find: () => undefined,
      start: () => ({ outcome, patient: true }),
      close: nothing,
    },
    ended: endedConnections(),
    refusals: apiRefusals(),
    noToken: noToken(undefined),
    refreshLeewaySeconds: 60,
    statusByApiCode: {},
  });
  const place = { read: () => setOf(0), copy: () => copy };
  await expect(tokenOf(place)).rejects.toMatchObject({ code: 'ERR_CONNECT_LEDGER', reason: 'busy' });
  expect(recorded).toEqual([]);
  finish({ kind: 'token', set: setOf(1), ageMs: 0, won: true });
  await outcome;
  await Promise.resolve();
  expect(recorded).toEqual([setOf(1)]);
});
