import { inspect } from 'node:util';
import { memoryLedger, type RefreshLedger } from '../../../src';
import { redisLedger } from '../../../src/redis';
import { boundedLedger } from '../../../src/ledger/bounded-ledger';
import type { Sandbox } from '../../../src/testing';
import { connectedWorld, givenRotation, verdict } from '../../support/refreshing';

let sandbox: Sandbox;
givenRotation((given) => {
  sandbox = given;
});

const KEYS = [{ id: 'mine', secret: 'the CANARY secret of this replica, forty' }];

/** Redis as a ledger meets it, with one answer to everything. */
const answering = (reply: () => Promise<unknown>): RefreshLedger =>
  redisLedger({ sendCommand: reply, encryptionKeys: KEYS, commandTimeoutMs: 50 });

const SEALED_BY_ANOTHER = 'v1.another.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA';

const LEDGERS: readonly (readonly [reason: string, what: string, ledger: () => RefreshLedger])[] = [
  [
    'key',
    'a record that another replica has sealed',
    () => answering(() => Promise.resolve(['adopt', '1', SEALED_BY_ANOTHER, '0'])),
  ],
  ['timeout', 'no answer', () => answering(() => new Promise(() => undefined))],
  ['refused', 'no right', () => answering(() => Promise.reject(new Error('NOPERM CANARY has no permissions')))],
  ['answer', 'another reply', () => answering(() => Promise.resolve({ CANARY: 1 }))],
  [
    'timeout',
    'a ledger of the app that does not answer',
    () => boundedLedger({ ...memoryLedger(), acquire: () => new Promise(() => undefined) }, 20),
  ],
  [
    'refused',
    'a ledger of the app that fails with words of its own',
    () => ({
      ...memoryLedger(),
      acquire: () => Promise.reject(Object.assign(new Error('CANARY'), { reason: 'CANARY' })),
    }),
  ],
];

test.each(LEDGERS)('event ledger_error says %s: %s', async (reason, _what, ledgerFor) => {
  const sound = memoryLedger();
  let inUse = sound;
  const ledger: RefreshLedger = { ...sound, acquire: (...args) => inUse.acquire(...args) };
  const world = await connectedWorld(sandbox, { options: { ledger } });
  await world.expireIn(-1);
  inUse = ledgerFor();
  expect(verdict(await world.fresh())).toEqual([503, 'ERR_CONNECT_LEDGER', '2']);
  expect(world.told('ledger_error')).toMatchObject([{ operation: 'acquire', reason }]);
  expect(inspect(world.events)).not.toContain('CANARY');
});
