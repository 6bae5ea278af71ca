import { ConnectError } from '../errors';
import { ownOnly } from '../own';
import { KEY_RING_HINT, readKeyRing, type EncryptionKey, type KeyRing } from '../seal';

/** What an app passes to `redisLedger()`. */
export interface RedisLedgerOptions {
  /**
   * Sends one command and gives its reply, of RESP2 or RESP3, text as string or Buffer.
   * node-redis: `(...args) => client.sendCommand(args)`; ioredis: `(command, ...args) => client.call(command, ...args)`.
   */
  readonly sendCommand: (...args: string[]) => Promise<unknown>;
  /**
   * 1–10 keys: the first seals the token sets, all open them. To rotate, put a new one in front and keep the old one for
   * as long as its records live. Every process needs all of them.
   */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** In front of every Redis key: 1–64 letters, digits and `:._-{}`. @defaultValue `'connect-auth:'` */
  readonly prefix?: string | undefined;
  /** Milliseconds that one operation may take, 50–5000. @defaultValue `500` */
  readonly commandTimeoutMs?: number | undefined;
  /**
   * `'fail'`: while Redis is away nothing is refreshed; valid tokens are used all the same. `'local'`: each process
   * coordinates itself meanwhile, for one replica, or a provider that is known not to rotate refresh tokens.
   * @defaultValue `'fail'`
   */
  readonly onLedgerError?: 'fail' | 'local' | undefined;
}

/** Checked options, with every default filled in. */
export interface RedisLedgerConfig {
  readonly sendCommand: (...args: string[]) => Promise<unknown>;
  readonly encryptionKeys: KeyRing;
  readonly prefix: string;
  readonly commandTimeoutMs: number;
  readonly onLedgerError: 'fail' | 'local';
}

/** The next step for each option. Static text: no value ever enters a message. */
const HINTS = {
  sendCommand: 'a function that sends one command to Redis and gives its reply',
  encryptionKeys: KEY_RING_HINT,
  prefix: '1–64 letters, digits and :._-{}',
  commandTimeoutMs: 'whole milliseconds, 50–5000',
  onLedgerError: "'fail' or 'local'",
};

/**
 * Copies and checks the options.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable, and no value
 */
export function redisLedgerConfig(options: RedisLedgerOptions): RedisLedgerConfig {
  // Spreading null or undefined, which JavaScript callers can pass, gives no option at all.
  const given: Readonly<Record<string, unknown>> = ownOnly({ ...options });
  const {
    sendCommand,
    encryptionKeys,
    prefix = 'connect-auth:',
    commandTimeoutMs = 500,
    onLedgerError = 'fail',
  } = given;
  const keys = readKeyRing(encryptionKeys);
  const sound: Readonly<Record<keyof typeof HINTS, boolean>> = {
    sendCommand: typeof sendCommand === 'function',
    encryptionKeys: keys !== undefined,
    prefix: typeof prefix === 'string' && /^[\w:.{}-]{1,64}$/u.test(prefix),
    commandTimeoutMs:
      typeof commandTimeoutMs === 'number' &&
      Number.isInteger(commandTimeoutMs) &&
      commandTimeoutMs >= 50 &&
      commandTimeoutMs <= 5000,
    onLedgerError: onLedgerError === 'fail' || onLedgerError === 'local',
  };
  const faults = [
    ...(Object.keys(HINTS) as (keyof typeof HINTS)[])
      .filter((name) => !sound[name])
      .map((name) => `${name} (expected ${HINTS[name]})`),
    ...Object.keys(given)
      .filter((name) => !Object.hasOwn(HINTS, name))
      .map((name) =>
        /^[\w$]{1,64}$/u.test(name) ? `${name} (no such option)` : 'an option whose name is not printable',
      ),
  ];
  if (keys === undefined || faults.length > 0) {
    throw new ConnectError('ERR_CONNECT_OPTIONS', {
      stage: 'options',
      message: `redisLedger() cannot use these options: ${faults.join('; ')}.`,
    });
  }
  return Object.freeze({
    sendCommand: sendCommand as RedisLedgerConfig['sendCommand'],
    encryptionKeys: keys,
    prefix: prefix as string,
    commandTimeoutMs: commandTimeoutMs as number,
    onLedgerError: onLedgerError as RedisLedgerConfig['onLedgerError'],
  });
}
