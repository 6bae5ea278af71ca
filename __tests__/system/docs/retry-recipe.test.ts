import axiosRetry from 'axios-retry';
import { isConnectError } from '../../../src';
import { apiWorld, json, ok, type ApiWorld } from '../../support/api-world';
import { runRecipe } from './recipe';

/** An API that says 503 so often, then yes. */
let failures: number;
let world: ApiWorld;
beforeEach(async () => {
  failures = 2;
  world = await apiWorld((socket) => {
    failures -= 1;
    socket.write(failures >= 0 ? json('503 Busy', {}, 'Retry-After: 4') : ok());
  });
});

type Patiently = <T>(call: () => Promise<T>) => Promise<T>;

/** The recipe as it is printed, with a clock that does not wait. */
function recipe(waits: number[]): Patiently {
  const { patiently } = runRecipe('function patiently', {
    modules: {
      'node:timers/promises': { setTimeout: (ms: number) => Promise.resolve(void waits.push(ms)) },
      'express-connect-auth': { isConnectError },
    },
  }) as { readonly patiently: Patiently };
  return patiently;
}

test('axios-retry changes nothing, as docs/recipes.md says', async () => {
  const client = world.client();
  axiosRetry(client, { retries: 3, retryCondition: () => true, retryDelay: () => 0 });
  await expect(client.get('/me')).rejects.toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE' });
  expect(world.server.requests.length).toBe(1);
});

test('the recipe tries three times, as long as the API asks to wait', async () => {
  const waits: number[] = [];
  const { status } = await recipe(waits)(() => world.client().get('/me'));
  expect({ status, waits, requests: world.server.requests.length }).toEqual({
    status: 200,
    waits: [4000, 4000],
    requests: 3,
  });
});

test('the recipe gives up after the third time, and at once where waiting does not help', async () => {
  failures = 3;
  const waits: number[] = [];
  await expect(recipe(waits)(() => world.client().get('/me'))).rejects.toMatchObject({ status: 503 });
  expect(world.server.requests.length).toBe(3);
  await expect(recipe(waits)(() => world.client().get('//elsewhere.example'))).rejects.toMatchObject({ reason: 'url' });
  expect(waits).toEqual([4000, 4000]);
});
