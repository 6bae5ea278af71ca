import { ConnectError } from '../errors/connect-error';
import { emit, emitFailure } from '../errors/emit';
import { aboutConnection, type ConnectEventListener, type EndedReason } from '../errors/events';
import type { OwnerConnections } from '../connections/owner-connections';
import type { OwnerRecord } from '../connections/owner-record';
import { isHardExpired, knownExpiry } from '../refresh/due';
import type { Endings } from '../refresh/endings';
import { ofOwner, type Owner, type Owners } from '../session/owners';
import type { ConnectToken, TokenSet } from '../session/connect-token';
import type { SessionTokens } from '../session/session-token';
import type { ConnectClient } from './api-client';
import { ownerCopy, type OwnerCopyConfig } from './owner-copy';
import type { TokenOf, TokenRequest } from './token-source';

/**
 * The connection of one user of the app, without any request: for cron jobs, queue workers, webhooks. Cheap to make;
 * its functions work destructured. Each rejects with ConnectError `ERR_CONNECT_STORE` when the connection store cannot
 * be reached, and with `ERR_CONNECT_CONFIG` when the record of this user cannot be read by this process.
 */
export interface ConnectAccount {
  /**
   * Gives the user's token, refreshed when due by one provider call across requests, jobs and processes.
   * @throws ConnectError `ERR_CONNECT_REQUIRED` when the user is not connected, `ERR_CONNECT_EXPIRED` when their connection has
   * ended; `ERR_CONNECT_UNAVAILABLE`, `ERR_CONNECT_RATE_LIMITED` or `ERR_CONNECT_LEDGER` when a later try may succeed
   */
  readonly getToken: (ask?: TokenRequest) => Promise<ConnectToken>;
  /** Gives an axios instance that calls the Connect API as the user, as `connect.client(req)` does. */
  readonly client: () => ConnectClient;
  /**
   * Gives what is recorded, without asking the provider.
   * @example const { connected, since } = await connect.of(req.user.id).status();
   */
  readonly status: () => Promise<ConnectionStatus>;
  /**
   * Ends the connection on every device and for every process; nothing in flight brings it back. If it rejects, repeat
   * it: the connection has certainly ended only when this has resolved.
   * @throws ConnectError also `ERR_CONNECT_LEDGER`
   */
  readonly disconnect: () => Promise<void>;
  /**
   * Records a token set that the app already has, with the provider's names (`access_token`, `refresh_token`,
   * `expires_at` in seconds since 1970). From then on the app must not refresh it itself.
   * @returns false, with nothing changed, if the user is connected already, or if the connection of this token has
   * ended
   * @example await connect.of(user.id).import({ access_token: row.token, refresh_token: row.refresh });
   * @throws ConnectError `ERR_CONNECT_OPTIONS` when it is not a token set, `ERR_CONNECT_LEDGER` when the ledger cannot
   * be reached. Repeat it after `ERR_CONNECT_STORE`; if it was recorded all the same, the repetition gives false
   */
  readonly import: (tokenSet: ImportedTokenSet) => Promise<boolean>;
}

/** What is recorded about a user. */
export type ConnectionStatus =
  | {
      readonly connected: true;
      readonly reason?: undefined;
      /** When they connected. */
      readonly since: Date;
      /** When the access token expires; it is refreshed by then. Absent: not known. */
      readonly expiresAt?: Date;
      readonly scope?: string;
    }
  | {
      readonly connected: false;
      /** Why their connection has ended. Absent: they never had one. */
      readonly reason?: EndedReason;
      /** When it ended. */
      readonly since?: Date;
    };

/** A token set from elsewhere: `type` may be missing, or in upper or lower case. */
export type ImportedTokenSet = Omit<ConnectToken, 'type'> & { readonly type?: string };

/** What acting for a user needs. */
export interface AccountConfig extends OwnerCopyConfig, Pick<Endings, 'endOwner' | 'hasEnded'> {
  readonly tokens: Pick<SessionTokens, 'imported'>;
  readonly onEvent?: ConnectEventListener | undefined;
  readonly client: (token: (refused?: string) => ReturnType<TokenOf>, ownerNow: () => string) => ConnectClient;
}

/**
 * Makes `of(owner)`.
 * @param config - without connections, the error of `of` names the options that it needs
 * @param tokenOf - gives the token of a copy
 */
export function accounts(
  config: Omit<AccountConfig, 'connections'> & { readonly connections: OwnerConnections | undefined },
  owners: Pick<Owners, 'named'>,
  tokenOf: TokenOf,
): (owner: unknown) => ConnectAccount {
  const { connections } = config;
  return function of(owner) {
    if (connections !== undefined) return account(owners.named(owner), { ...config, connections }, tokenOf);
    throw new ConnectError('ERR_CONNECT_OPTIONS', {
      stage: 'options',
      message: 'connect.of() needs option owner or connections: without them, connections belong to sessions only.',
    });
  };
}

function account(owner: Owner, config: AccountConfig, tokenOf: TokenOf): ConnectAccount {
  const { connections } = config;
  const silent = (ask?: TokenRequest): ReturnType<TokenOf> => {
    const copy = ownerCopy(owner, undefined, config);
    return tokenOf({ read: copy.read, copy: () => copy }, ask);
  };

  /** Reports a failure, whoever catches it. */
  async function reported<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      emitFailure(config.onEvent, error, owner.name);
      throw error;
    }
  }

  return Object.freeze<ConnectAccount>({
    getToken: (ask) => reported(() => silent(ask)),
    client: () =>
      config.client(
        (refused) => silent(refused === undefined ? undefined : { refused }),
        () => owner.name,
      ),
    status: () => reported(async () => statusOf(await connections.load(owner, 'refresh'))),
    disconnect: () =>
      reported(async () => {
        const connection = await config.endOwner(owner);
        if (connection !== undefined) emit(config.onEvent, { type: 'disconnected', ...aboutConnection(connection) });
      }),
    import: (tokenSet) =>
      reported(async () => {
        const set = ofOwner(imported(tokenSet, config), owner);
        if (await config.hasEnded(set)) return false;
        const recording = connections.recording(owner, set);
        const isFree = (before: OwnerRecord | undefined): boolean =>
          (before?.kind !== 'connected' || isOver(before.set)) && connectionIdOf(before) !== set.connectionId;
        const isTaken = await recording.save(isFree);
        if (isTaken) emit(config.onEvent, { type: 'connected', ...aboutConnection(set) });
        return isTaken;
      }),
  });
}

/** Later than any token's expiry: milliseconds instead of seconds. */
const LATEST_EXPIRY_SECONDS = 1e11;

function imported(tokenSet: unknown, { tokens }: Pick<AccountConfig, 'tokens'>): TokenSet {
  const set = tokens.imported(tokenSet);
  if (set === undefined || (set.token.expires_at ?? 0) > LATEST_EXPIRY_SECONDS) {
    throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: NO_TOKEN_SET });
  }
  return set;
}

const NO_TOKEN_SET =
  "connect.of().import() takes { access_token, refresh_token?, expires_at?, scope?, type? } with the provider's names: tokens " +
  'as strings, expires_at as a number of seconds since 1970, type bearer or absent. Nothing was recorded.';

/** Whether it has expired and nothing can renew it. */
function isOver(set: TokenSet): boolean {
  return set.token.refresh_token === undefined && isHardExpired(set, Date.now());
}

function connectionIdOf(record: OwnerRecord | undefined): string | undefined {
  return record?.kind === 'connected' ? record.set.connectionId : record?.connectionId;
}

function statusOf(record: Awaited<ReturnType<OwnerConnections['load']>>): ConnectionStatus {
  if (record === undefined || (record.kind === 'connected' && isOver(record.set))) return { connected: false };
  const since = new Date(record.since);
  if (record.kind === 'ended') return { connected: false, reason: record.reason, since };
  const { scope } = record.set.token;
  const expiresAt = knownExpiry(record.set);
  return {
    connected: true,
    since,
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt * 1000) }),
    ...(scope === undefined ? {} : { scope }),
  };
}
