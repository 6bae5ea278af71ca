// Runs in a process of its own, with NODE_DEBUG=connect-auth: asks a Redis that refuses, in words of its own.
import { redisLedger } from '../../src/redis';
import { asking } from '../../src/refresh/ask';

const ledger = redisLedger({
  sendCommand: () => Promise.reject(new Error('NOPERM CANARY has no permissions')),
  encryptionKeys: [{ id: 'mine', secret: 'the CANARY secret of this replica, forty' }],
});
const claim = { generation: 0, claimant: 'me', leaseMs: 1000, minAgeMs: 0, retentionMs: 60_000 };
void asking(undefined)('acquire', { connectionId: 'CANARY', owner: 'CANARY@example.com' }, () =>
  ledger.acquire('key', claim),
);
