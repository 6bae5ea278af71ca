import type * as http from 'node:http';
import { ConnectError } from '../../errors/connect-error';
import type { ConnectToken } from '../../session/connect-token';
import type { WireResult } from '../http/wire';
import { faultError } from '../http/connection-fault';
import { own, ownOnly } from '../../base/own';
import { readAnswer } from './read-answer';
import { endpointRest } from './rest';
import { tokenRequests, type CodeGrant, type Grant, type TokenRequestConfig } from './token-request';
import { nodeTransport, type Transport } from '../http/transport';

/** The options that the token endpoint needs. */
export interface TokenEndpointConfig extends TokenRequestConfig {
  readonly tokenUrl: string;
  /** Milliseconds for an exchange, up to the last byte of the answer. */
  readonly timeoutMs: number;
  /**
   * Milliseconds for a refresh. Long, because a provider that rotates refresh tokens may already have spent this one
   * when the time is over: a short limit can cost the connection.
   * @defaultValue 60000
   */
  readonly refreshTimeoutMs?: number | undefined;
  /** Serves corporate proxies and private CAs; it cannot switch certificate verification off. */
  readonly agent?: http.Agent | undefined;
  /** HTTP status per API code that replaces the table's. */
  readonly statusByApiCode: Readonly<Record<string, number>>;
}

/** The provider's token endpoint (RFC 6749 §3.2). Rejects with {@link ConnectError} only. */
export interface TokenEndpoint {
  /**
   * To be called before anything is spent for an exchange.
   * @throws ConnectError `ERR_CONNECT_RATE_LIMITED` with reason `resting` while the provider has asked for a pause
   */
  checkRest(): void;
  /**
   * Redeems an authorization code (RFC 6749 §4.1.3).
   * @throws ConnectError with stage `exchange`: `ERR_CONNECT_GRANT` when the code is spent or expired,
   * `ERR_CONNECT_CONFIG`, `ERR_CONNECT_ACCOUNT`, `ERR_CONNECT_FORBIDDEN`, `ERR_CONNECT_DENIED`,
   * `ERR_CONNECT_RATE_LIMITED`, `ERR_CONNECT_UNAVAILABLE`, `ERR_CONNECT_TIMEOUT`, `ERR_CONNECT_RESPONSE` otherwise
   */
  exchange(grant: CodeGrant, about?: CallCircumstances): Promise<ConnectToken>;
  /**
   * Presents a refresh token (RFC 6749 §6). If the answer brings no new one, the token set keeps the old one.
   * @throws ConnectError with stage `refresh`: `ERR_CONNECT_EXPIRED` when the provider refuses this connection, for
   * good (`invalid_grant`) or not; `ERR_CONNECT_CONFIG`, `ERR_CONNECT_RATE_LIMITED`,
   * `ERR_CONNECT_UNAVAILABLE`, `ERR_CONNECT_TIMEOUT`, `ERR_CONNECT_RESPONSE` otherwise. `refreshFailure` says what each
   * means for the connection.
   */
  refresh(refreshToken: string, about?: CallCircumstances): Promise<ConnectToken>;
}

/** What the caller wants to know besides the result. */
export interface CallCircumstances {
  /** Called with the HTTP status of the answer, before the result is known to the caller. */
  readonly onAnswer: (status: number) => void;
}

const UNWATCHED: CallCircumstances = { onAnswer: () => undefined };

type Stage = 'exchange' | 'refresh';

const REFRESH_TIMEOUT_MS = 60_000;

/** Makes the client of one token endpoint. Idle connections, kept only without `agent`, close after 2 s. */
export function tokenEndpoint(settings: TokenEndpointConfig): TokenEndpoint {
  const config = ownOnly(settings);
  const rest = endpointRest();
  const { agent, timeoutMs, refreshTimeoutMs = REFRESH_TIMEOUT_MS } = config;
  const tokenRequest = tokenRequests(config);
  const transports: Readonly<Record<Stage, Transport>> = {
    exchange: nodeTransport({ timeoutMs, agent }),
    refresh: nodeTransport({ timeoutMs: refreshTimeoutMs, agent }),
  };

  async function present(grant: Grant, stage: Stage, about: CallCircumstances): Promise<ConnectToken> {
    rest.check(stage);
    const sentMs = Date.now();
    const result = await send(grant, stage);
    // `aborted` cannot happen: these requests have no signal.
    if (result.kind === 'fault')
      throw faultError(result.fault === 'aborted' ? 'broken' : result.fault, stage, 'tokenUrl');
    const { status, headers, body, unacceptable } = result.answer;
    const { token, error } = readAnswer(
      { status, retryAfter: own(headers, 'retry-after'), date: own(headers, 'date'), body, unacceptable },
      { stage, statusByApiCode: config.statusByApiCode, nowMs: Date.now(), sentMs },
    );
    about.onAnswer(status);
    if (error !== undefined) {
      rest.heed(error);
      throw error;
    }
    return token;
  }

  async function send(grant: Grant, stage: Stage): Promise<WireResult> {
    try {
      const { headers, body } = tokenRequest(grant);
      const request = { url: config.tokenUrl, method: 'POST', headers, body, mayRepeat: false, signal: undefined };
      return await transports[stage](request);
    } catch {
      // No cause: Node's errors quote addresses, header names and more.
      throw new ConnectError('ERR_CONNECT_CONFIG', {
        stage,
        message:
          'The token request could not be made: check that tokenUrl is a URL, that agent supports its protocol, ' +
          'and that accessTokenKey is fit for an HTTP header.',
      });
    }
  }

  return Object.freeze({
    checkRest: () => rest.check('callback'),
    exchange(grant: CodeGrant, about: CallCircumstances = UNWATCHED): Promise<ConnectToken> {
      const { code, redirectUri, codeVerifier } = grant;
      return present({ grant_type: 'authorization_code', code, redirectUri, codeVerifier }, 'exchange', about);
    },
    async refresh(refreshToken: string, about: CallCircumstances = UNWATCHED): Promise<ConnectToken> {
      const token = await present({ grant_type: 'refresh_token', refresh_token: refreshToken }, 'refresh', about);
      token.refresh_token ??= refreshToken;
      return token;
    },
  });
}
