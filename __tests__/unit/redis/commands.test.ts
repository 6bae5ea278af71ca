import { redisLedger } from '../../../src/redis';

const encryptionKeys = [{ id: 'key', secret: 'the secret of the ledger, forty letters' }];
const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: 60_000 };
const WON = ['won', '1', '0', '0', '0', '0'];

/** A Redis that does not know the script; what its client makes of that. */
function forgetful(refusal: () => unknown): { sent: string[]; sendCommand: (command: string) => Promise<unknown> } {
  const sent: string[] = [];
  return {
    sent,
    async sendCommand(command) {
      sent.push(command);
      if (command === 'EVALSHA') throw await Promise.resolve(refusal());
      return WON;
    },
  };
}

const acquire = (sendCommand: (command: string) => Promise<unknown>) =>
  redisLedger({ sendCommand, encryptionKeys }).acquire('key', claim);

test.each<[string, () => unknown]>([
  ['Redis and node-redis', () => new Error('NOSCRIPT No matching script. Please use EVAL.')],
  [
    'Valkey, through a client that puts its own words in front',
    () => new Error('ReplyError: NOSCRIPT No matching script.'),
  ],
  ['valkey-glide', () => new Error('An error was signalled by the server: - NoScriptError: No matching script.')],
  ['a client with an error of another realm', () => ({ message: 'NOSCRIPT No matching script.' })],
  ['a client that throws text', () => 'NOSCRIPT'],
])('a script that is not there, in the words of %s, is brought by EVAL', async (_whose, refusal) => {
  const { sent, sendCommand } = forgetful(refusal);
  expect(await acquire(sendCommand)).toMatchObject({ kind: 'won', fence: 1 });
  expect(sent).toEqual(['EVALSHA', 'EVAL']);
});

test('EVAL is tried once, and what it says is final', async () => {
  const sent: string[] = [];
  const call = acquire((command) => {
    sent.push(command);
    return Promise.reject(new Error('OOM command not allowed'));
  });
  await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECT_LEDGER', reason: 'refused' });
  expect(sent).toEqual(['EVALSHA', 'EVAL']);
});

test.each<[string, unknown]>([
  ['undefined', undefined],
  ['an object', { won: true }],
  ['a list in a list', [['won', '1']]],
  ['words of no script', ['PONG']],
  ['numbers that are none', ['won', 'x', '0', '0', '0', '0']],
])('a reply that is %s is an answer of nobody, and EVAL is not tried', async (_what, reply) => {
  const sent: string[] = [];
  const call = acquire((command) => {
    sent.push(command);
    return Promise.resolve(reply);
  });
  await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECT_LEDGER', reason: 'answer' });
  expect(sent).toEqual(['EVALSHA']);
});

test('a reply to SET that is none is an answer of nobody, too', async () => {
  const ledger = redisLedger({ sendCommand: () => Promise.resolve('QUEUED'), encryptionKeys });
  await expect(ledger.once('name', 1000)).rejects.toMatchObject({ code: 'ERR_CONNECT_LEDGER', reason: 'answer' });
});
