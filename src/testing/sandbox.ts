import type { SandboxFault } from './faults';
import type { SandboxEndpoint } from './plans';
import type { SignIn } from './sign-in';
import type { SandboxSwitches } from './switches';

/** How to start a sandbox. */
export interface SandboxOptions {
  /** Port on 127.0.0.1. @defaultValue a free one */
  readonly port?: number | undefined;
  /** Differences from the defaults of {@link SandboxSwitches}. */
  readonly switches?: Partial<SandboxSwitches> | undefined;
  /** Id of the registered client. @defaultValue random */
  readonly clientId?: string | undefined;
  /** Secret of the registered client. @defaultValue random */
  readonly clientSecret?: string | undefined;
  /** Callback addresses, compared character by character. @defaultValue any address on loopback */
  readonly redirectUris?: readonly string[] | undefined;
  /**
   * The sandbox's clock in milliseconds since 1970, so that a test can age codes and tokens; the `Date` of its answers
   * follows it. @defaultValue `Date.now`
   */
  readonly now?: (() => number) | undefined;
}

/** Requests received since the start or the last `reset`. */
export interface SandboxCalls {
  /** Requests for the consent page. */
  readonly authorize: number;
  /** Clicks on "Allow" or "Decline". */
  readonly consent: number;
  /** All token requests: exchanges, refreshes, and those that are neither. */
  readonly token: number;
  /** Exchanges of a code. */
  readonly exchange: number;
  /** Refreshes. */
  readonly refresh: number;
  /** Requests to the API. */
  readonly api: number;
}

/** For which calls a forced code or a fault is planned. */
export interface PlanOptions {
  /** Which endpoint it is for. @defaultValue `'exchange'` */
  readonly on?: SandboxEndpoint | undefined;
  /** How many calls, from the next one on; `Infinity`: all until `reset`. @defaultValue 1 */
  readonly times?: number | undefined;
}

/** A local stand-in for Appy Pie Connect, on 127.0.0.1 only. */
export interface Sandbox {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** For `connectAuth({ ...sandbox.connectOptions, redirectUri })`. */
  readonly connectOptions: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly authorizeUrl: string;
    readonly tokenUrl: string;
    readonly apiBaseUrl: string;
  };
  /** Base address of the Connect API. */
  readonly apiBaseUrl: string;
  /** Live: read it again after a call. */
  readonly calls: SandboxCalls;
  /** How often this code or refresh token has come to the token endpoint, whatever became of it. */
  readonly presentations: (codeOrRefreshToken: string) => number;
  /** Whether the API takes this access token now; asking does not count as a call. */
  readonly works: (accessToken: string) => boolean;
  /** Changes switches from the next request on. @throws TypeError for an unknown switch or value. */
  readonly set: (switches: Partial<SandboxSwitches>) => void;
  /** Back to the start: the switches of `startSandbox`, nothing planned or held, counters at 0. Codes and tokens stay. */
  readonly reset: () => void;
  /**
   * The next calls are refused with this API code and do nothing else: no code is spent. `retryAfter` is sent as it is.
   * @throws RangeError when the provider documents no such code; TypeError for an unknown `on`.
   */
  readonly force: (apiCode: number, options?: PlanOptions & { readonly retryAfter?: string | undefined }) => void;
  /**
   * The next calls meet a {@link SandboxFault}. `commit: true`: a lost answer, but the code is spent all the same.
   * @throws TypeError for an unknown fault or `on`.
   */
  readonly fault: (fault: SandboxFault, options?: PlanOptions & { readonly commit?: boolean | undefined }) => void;
  /** Clicks "Allow" and gives the callback address, over real HTTP. @throws Error when the sandbox refuses the request. */
  readonly allow: (authorizationUrl: string) => Promise<string>;
  /** Clicks "Decline" and gives the callback address. @throws Error when the sandbox refuses the request. */
  readonly decline: (authorizationUrl: string) => Promise<string>;
  /**
   * Signs a visitor in whose browser is a supertest agent, or who visits an app that is running.
   * @example
   * const agent = request.agent(app);
   * await sandbox.signIn(agent);
   * await agent.get('/reports').expect(200);
   */
  readonly signIn: SignIn;
  /** Lets the calls go that a fault `hold` keeps back. */
  readonly release: () => void;
  /** Resolves once `count` calls are being held. @defaultValue 1 */
  readonly waiting: (count?: number) => Promise<void>;
  /** The API refuses every access token handed out so far. */
  readonly expireAccessTokens: () => void;
  /**
   * Ends the connection that this access or refresh token belongs to, as its owner can at the provider: none of its tokens
   * works any more. How its refresh is answered from then on is the switch `deadGrantAs`.
   * @throws RangeError for a token that is not one of the sandbox's.
   */
  readonly revoke: (token: string) => void;
  /** Ends every connection and the server. */
  readonly close: () => Promise<void>;
}
