import { ownOnly } from '../base/own';
import { sha256 } from '../base/sha256';
import { readConnectToken, type ConnectionName, type TokenSet } from '../session/connect-token';

/** What distinguishes the connections of deployments in a shared ledger. */
export interface LedgerScope {
  readonly tokenUrl: string;
  readonly clientId: string;
}

/** The ledger's name of a connection: a hash that reveals nothing. */
export function ledgerKey({ tokenUrl, clientId }: LedgerScope, connectionId: string): string {
  return sha256(JSON.stringify(['connect-auth ledger v1', tokenUrl, clientId, connectionId]));
}

/** A token set as the ledger keeps it. */
export function toBox({ token, lifetimeSeconds }: TokenSet): string {
  return JSON.stringify({ token, lifetimeSeconds });
}

/**
 * Reads a box.
 * @param of - the connection, and its owner
 * @returns undefined if it does not hold a complete token set: then the ledger cannot be trusted
 */
export function fromBox(
  box: string,
  { connectionId, owner, ownerTag }: ConnectionName & Pick<TokenSet, 'ownerTag'>,
  generation: number,
): TokenSet | undefined {
  try {
    const { token: value, lifetimeSeconds } = ownOnly(
      JSON.parse(box) as { token?: unknown; lifetimeSeconds?: unknown },
    );
    const token = readConnectToken(value);
    if (token === undefined) return undefined;
    const known = typeof lifetimeSeconds === 'number' ? lifetimeSeconds : undefined;
    return { token, connectionId, generation, owner, ownerTag, lifetimeSeconds: known };
  } catch {
    return undefined;
  }
}
