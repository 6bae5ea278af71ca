// This package with its defaults; the options of `setup` make the other rows about it.
import { createClient } from 'redis';
import { connectAuth } from '../../dist/index.mjs';
import { CLIENT } from './by-hand.mjs';

const KEYS = [{ id: 'bench', secret: 'a secret of the benchmark, 32 chars or more' }];

/**
 * @param setup - `sealed`: the token is encrypted in the session; `owner`: connections belong to users; `shared`: how
 *   `keptIn` of bench/soak finds the ledger that processes share
 */
export async function make({ origin, provider }, { sealed = false, owner = false, shared } = {}) {
  const { ledger, commands } = shared === undefined ? {} : await sharedLedger(shared);
  const connect = connectAuth({
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    redirectUri: `${origin}/connect/callback`,
    authorizeUrl: `${provider}/authorize`,
    tokenUrl: `${provider}/token`,
    apiBaseUrl: provider,
    silent: true,
    ...(sealed ? { encryptionKeys: KEYS } : {}),
    ...(owner ? { owner: () => 'user-1' } : {}),
    ...(ledger === undefined ? {} : { ledger }),
  });
  return {
    middleware: connect,
    connect,
    commands: () => commands?.count ?? 0,
    accessToken: async (req) => (await connect.getToken(req)).access_token,
  };
}

/** The ledger of several processes, and how many operations this one has asked it for. */
async function sharedLedger({ redisUrl, postgres }) {
  const { keptIn } = await import('../soak/database.mjs');
  const redis = createClient({ url: redisUrl });
  redis.on('error', () => undefined);
  await redis.connect();
  const { ledger } = keptIn({ redis, postgres, encryptionKeys: KEYS, timeoutMs: 5000 });
  const commands = { count: 0 };
  const counting =
    (operation) =>
    (...args) => {
      commands.count += 1;
      return operation(...args);
    };
  const { onForgotten, ...operations } = ledger;
  const counted = Object.fromEntries(Object.entries(operations).map(([name, run]) => [name, counting(run)]));
  return { ledger: onForgotten === undefined ? counted : { ...counted, onForgotten }, commands };
}
