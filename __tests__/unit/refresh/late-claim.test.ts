import { memoryLedger, type RefreshLedger } from '../../../src';
import { refreshFlights } from '../../../src/refresh/flight';
import { cleanup } from '../../support/cleanup';
import { tokenSet } from '../../support/token-set';

test('a claim whose answer is read late is asked for again before anything is presented', async () => {
  const steps: string[] = [];
  const shared = memoryLedger();
  const stalled = jest.spyOn(performance, 'now');
  cleanup(() => stalled.mockRestore());
  const ledger: RefreshLedger = {
    ...shared,
    acquire: async (key, claim) => {
      const got = await shared.acquire(key, claim);
      steps.push(got.kind);
      // This process stood still while the first answer lay in its socket.
      if (steps.length === 1) stalled.mockReturnValue(performance.now() + 6000);
      return got;
    },
  };
  const refresh = (token: string): Promise<{ access_token: string; refresh_token: string; type: 'bearer' }> => {
    steps.push(token);
    return Promise.resolve({ access_token: 'new', refresh_token: 'next', type: 'bearer' });
  };
  const flights = refreshFlights({
    tokenUrl: 'https://provider.example/token',
    clientId: 'c',
    ledger,
    endpoint: { refresh },
  });
  const set = tokenSet({
    token: { access_token: 'old', refresh_token: 'spent once', type: 'bearer' as const },
    connectionId: 'l',
    generation: 0,
  });
  const outcome = await flights.start(set, { patient: true, minAgeMs: 0, retentionMs: 60_000 }).outcome;
  expect(outcome).toMatchObject({ kind: 'token', set: { generation: 1 } });
  expect(steps).toEqual(['won', 'won', 'spent once']);
});
