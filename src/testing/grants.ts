import { createHash, randomBytes } from 'node:crypto';
import type { TokenSigner } from './signed-token';
import type { SandboxSwitches } from './switches';

/** Milliseconds for which a code can be redeemed. Invented; RFC 6749 §4.1.2 recommends ten minutes at most. */
export const CODE_LIFETIME_MS = 60_000;

/** An authorization request that has passed every check. */
export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope: string;
  readonly state?: string;
  /** S256 (RFC 7636 §4.2). */
  readonly codeChallenge?: string;
}

/** What the token endpoint hands out. */
export interface TokenSet {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** What a presentation of a code or a refresh token led to. */
export type GrantResult = { readonly tokens: TokenSet } | { readonly refused: string };

/** What comes with an authorization code. */
export interface CodePresentation {
  readonly code: string;
  readonly redirectUri: string;
  readonly codeVerifier?: string | undefined;
}

/** Everything that descends from one code: it dies as a whole. */
interface Family {
  readonly scope: string;
  revoked: boolean;
}

interface CodeRecord {
  readonly request: AuthorizationRequest;
  readonly family: Family;
  readonly expiresAtMs: number;
  spent: boolean;
}

interface RefreshRecord {
  readonly family: Family;
  rotated?: { readonly atMs: number; readonly successor: TokenSet };
}

interface AccessRecord {
  readonly family: Family;
  expiresAtMs: number;
}

type GrantRules = Pick<SandboxSwitches, 'refresh' | 'graceMs' | 'lifetimeSeconds' | 'pkce'>;

/** The sandbox's memory of codes and tokens. */
export interface GrantBook {
  /** A new code, good for {@link CODE_LIFETIME_MS}. There is one client per sandbox, so the code is bound to it. */
  readonly issueCode: (request: AuthorizationRequest) => string;
  /**
   * Spends a code. A spent one that comes again is refused and what it gave is revoked (RFC 6749 §4.1.2). A wrong
   * `redirect_uri` or verifier spends the code too: a provider may do so, and a client must not try twice.
   */
  readonly redeem: (presentation: CodePresentation, rules: GrantRules) => GrantResult;
  /** Refreshes as the switch `refresh` says; a rotated token that comes again ends its whole family (RFC 9700 §4.14.2). */
  readonly refresh: (refreshToken: string, rules: GrantRules) => GrantResult;
  /** The scope of an access token that works now. */
  readonly scopeOf: (accessToken: string) => string | undefined;
  /** Every access token handed out so far stops working; refresh tokens go on. */
  readonly expireAccessTokens: () => void;
  /** Ends everything that descends from the code which this token came from. @returns false for an unknown token */
  readonly revoke: (token: string) => boolean;
}

/** An empty {@link GrantBook}. `now` gives milliseconds since 1970. */
export function grantBook(sign: TokenSigner, now: () => number): GrantBook {
  const codes = new Map<string, CodeRecord>();
  const refreshTokens = new Map<string, RefreshRecord>();
  const accessTokens = new Map<string, AccessRecord>();

  function issueCode(request: AuthorizationRequest): string {
    const code = randomBytes(24).toString('base64url');
    const family = { scope: request.scope, revoked: false };
    codes.set(code, { request, family, expiresAtMs: now() + CODE_LIFETIME_MS, spent: false });
    return code;
  }

  function redeem(presentation: CodePresentation, rules: GrantRules): GrantResult {
    const record = codes.get(presentation.code);
    if (record === undefined) return { refused: 'The code is unknown.' };
    if (record.spent) {
      record.family.revoked = true;
      return { refused: 'The code is spent; what it gave is revoked.' };
    }
    record.spent = true;
    if (now() >= record.expiresAtMs) return { refused: 'The code has expired.' };
    if (presentation.redirectUri !== record.request.redirectUri) return { refused: 'The redirect_uri is another one.' };
    if (rules.pkce === 'enforced' && !verifies(presentation.codeVerifier, record.request.codeChallenge)) {
      return { refused: 'The code_verifier does not match.' };
    }
    return { tokens: issueTokens(record.family, rules) };
  }

  function refresh(refreshToken: string, rules: GrantRules): GrantResult {
    const record = refreshTokens.get(refreshToken);
    if (record === undefined) return { refused: 'The refresh token is unknown.' };
    if (record.family.revoked) return { refused: 'The connection is revoked.' };
    if (record.rotated !== undefined) {
      if (now() - record.rotated.atMs < rules.graceMs) return { tokens: record.rotated.successor };
      record.family.revoked = true;
      return { refused: 'The refresh token is used up; the connection is revoked.' };
    }
    const keepsToken = rules.refresh === 'same' || rules.refresh === 'omitted';
    const tokens = issueTokens(record.family, rules, keepsToken ? refreshToken : undefined);
    if (rules.refresh === 'rotate') record.rotated = { atMs: now(), successor: tokens };
    return { tokens };
  }

  function issueTokens(family: Family, rules: GrantRules, keptRefreshToken?: string): TokenSet {
    const expiresAtMs = now() + rules.lifetimeSeconds * 1000;
    const claims = { scope: family.scope, iat: Math.floor(now() / 1000) };
    const accessToken = sign({ ...claims, use: 'access', exp: Math.floor(expiresAtMs / 1000) });
    const refreshToken = keptRefreshToken ?? sign({ ...claims, use: 'refresh' });
    accessTokens.set(accessToken, { family, expiresAtMs });
    if (keptRefreshToken === undefined) refreshTokens.set(refreshToken, { family });
    return { accessToken, refreshToken, expiresAtMs };
  }

  function scopeOf(accessToken: string): string | undefined {
    const record = accessTokens.get(accessToken);
    if (record === undefined || record.family.revoked || now() >= record.expiresAtMs) return undefined;
    return record.family.scope;
  }

  function expireAccessTokens(): void {
    for (const record of accessTokens.values()) record.expiresAtMs = Math.min(record.expiresAtMs, now());
  }

  function revoke(token: string): boolean {
    const record = refreshTokens.get(token) ?? accessTokens.get(token);
    if (record !== undefined) record.family.revoked = true;
    return record !== undefined;
  }

  return { issueCode, redeem, refresh, scopeOf, expireAccessTokens, revoke };
}

/** RFC 7636 §4.6; a verifier for a code that was asked for without a challenge is refused (RFC 9700 §4.8.2). */
function verifies(verifier: string | undefined, challenge: string | undefined): boolean {
  if (verifier === undefined || challenge === undefined) return verifier === challenge;
  return (
    /^[A-Za-z0-9._~-]{43,128}$/.test(verifier) &&
    createHash('sha256').update(verifier).digest('base64url') === challenge
  );
}
