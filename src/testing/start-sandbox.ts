import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from './answer';
import { dateBy, sendAnswer } from './answer';
import { API_PATH, apiAnswer } from './api-route';
import { didYouMean } from '../checks/nearest';
import { AUTHORIZE_PATH, authorizeRoute } from './authorize-route';
import type { Refusal } from './error-shapes';
import { assertApiCode, refusalAnswer } from './error-shapes';
import type { PlannedFault } from './faults';
import { answerWithFault, assertFault } from './faults';
import { openGate } from './gate';
import { grantBook } from './grants';
import type { SandboxEndpoint } from './plans';
import { plans } from './plans';
import { readFields } from './request-fields';
import type { Sandbox, SandboxOptions } from './sandbox';
import { tokenSigner } from './signed-token';
import { changeSwitches, DEFAULT_SWITCHES, isSwitchName } from './switches';
import { grantKind, tokenAnswer } from './token-route';
import { signInAt } from './sign-in';
import { clickThrough } from './visitor';

/** Path of the token request (page "generate-access-token"). */
const TOKEN_PATH = '/v1/oauth2/token';

const OPTION_NAMES = ['port', 'switches', 'clientId', 'clientSecret', 'redirectUris', 'now'];

/** A test that passes because an option was not read is worth nothing. */
function assertOptions(options: SandboxOptions): void {
  const name = Object.keys(options).find((given) => !OPTION_NAMES.includes(given));
  if (name === undefined) return;
  const cure = isSwitchName(name) ? ` It is a switch: switches: { ${name} }.` : didYouMean(name, OPTION_NAMES);
  throw new TypeError(`startSandbox() has no option "${name}".${cure}`);
}

/**
 * Starts a provider for tests and demos: what Appy Pie Connect documents, and switches for what it does not. It takes
 * no real credentials, and its tokens are worth nothing anywhere else.
 * @throws TypeError for an unknown option, switch or value; the error of node:net when the port is taken.
 * @example
 * const sandbox = await startSandbox();
 * app.use(connectAuth({ ...sandbox.connectOptions, redirectUri: 'http://localhost/connect/callback' }));
 * await sandbox.signIn(request.agent(app)); // supertest
 * await sandbox.close();
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  assertOptions(options);
  const startSwitches = changeSwitches(DEFAULT_SWITCHES, options.switches ?? {});
  const client = {
    clientId: options.clientId ?? `sandbox-${randomBytes(6).toString('hex')}`,
    clientSecret: options.clientSecret ?? randomBytes(24).toString('base64url'),
  };
  const now = options.now ?? Date.now;
  const grants = grantBook(tokenSigner(), now);
  const authorize = authorizeRoute({ clientId: client.clientId, redirectUris: options.redirectUris }, grants);
  const calls = { authorize: 0, consent: 0, token: 0, exchange: 0, refresh: 0, api: 0 };
  const presentations = new Map<string, number>();
  const forced = plans<Refusal>();
  const faults = plans<PlannedFault>();
  const gate = openGate();
  let switches = startSwitches;

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(`http://sandbox${req.url ?? '/'}`);
    if (url.pathname === AUTHORIZE_PATH) sendAnswer(res, await handleAuthorize(req, url));
    else if (url.pathname === TOKEN_PATH) await handleToken(req, res);
    else if (url.pathname.startsWith(`${API_PATH}/`)) await handleApi(req, res, url);
    else sendAnswer(res, refusalAnswer({ apiCode: 404 }, switches));
  }

  async function handleAuthorize(req: IncomingMessage, url: URL): Promise<Answer> {
    if (req.method === 'GET') {
      calls.authorize += 1;
      return authorize.ask(url.searchParams, switches);
    }
    if (req.method !== 'POST') return refusalAnswer({ apiCode: 405, headers: { Allow: 'GET, POST' } }, switches);
    calls.consent += 1;
    return authorize.decide(await readFields(req), switches);
  }

  async function handleToken(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method !== 'POST') {
      sendAnswer(res, refusalAnswer({ apiCode: 405, headers: { Allow: 'POST' } }, switches));
      return;
    }
    calls.token += 1;
    const request = await readFields(req);
    const act = (): Answer => tokenAnswer(req.headers, request, { client, grants, switches });
    const kind = grantKind(request);
    if (kind === undefined) {
      sendAnswer(res, act());
      return;
    }
    calls[kind] += 1;
    const presented = request?.fields.get(kind === 'exchange' ? 'code' : 'refresh_token') ?? '';
    presentations.set(presented, (presentations.get(presented) ?? 0) + 1);
    await answerAsPlanned(kind, res, act);
  }

  async function handleApi(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
    calls.api += 1;
    await answerAsPlanned('api', res, () => apiAnswer(req, url, { grants, switches }));
  }

  function answerAsPlanned(kind: SandboxEndpoint, res: ServerResponse, act: () => Answer): Promise<void> {
    const refusal = forced.take(kind);
    const actOrRefuse = refusal === undefined ? act : (): Answer => refusalAnswer(refusal, switches);
    return answerWithFault(res, actOrRefuse, faults.take(kind), gate);
  }

  const server = createServer((req, res) => {
    dateBy(res, now);
    // A client that breaks off inside its own request: there is nobody left to answer.
    handle(req, res).catch(() => res.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const allow = (authorizationUrl: string): Promise<string> => clickThrough(url, authorizationUrl, 'allow');

  return Object.freeze<Sandbox>({
    url,
    connectOptions: Object.freeze({
      ...client,
      authorizeUrl: `${url}${AUTHORIZE_PATH}`,
      tokenUrl: `${url}${TOKEN_PATH}`,
      apiBaseUrl: `${url}${API_PATH}`,
    }),
    apiBaseUrl: `${url}${API_PATH}`,
    calls,
    presentations: (codeOrRefreshToken) => presentations.get(codeOrRefreshToken) ?? 0,
    works: (accessToken) => grants.scopeOf(accessToken) !== undefined,
    set(changes) {
      switches = changeSwitches(switches, changes);
    },
    reset() {
      switches = startSwitches;
      forced.clear();
      faults.clear();
      gate.release();
      presentations.clear();
      Object.assign(calls, { authorize: 0, consent: 0, token: 0, exchange: 0, refresh: 0, api: 0 });
    },
    force(apiCode, { on = 'exchange', times = 1, retryAfter } = {}) {
      assertApiCode(apiCode);
      const headers = retryAfter === undefined ? {} : { 'Retry-After': retryAfter };
      forced.add(
        { apiCode, headers, ...(on === 'api' && apiCode === 401 ? { oauthError: 'invalid_token' } : {}) },
        on,
        times,
      );
    },
    fault(fault, { on = 'exchange', times = 1, commit = false } = {}) {
      assertFault(fault);
      faults.add({ fault, commit }, on, times);
    },
    allow,
    decline: (authorizationUrl) => clickThrough(url, authorizationUrl, 'decline'),
    signIn: signInAt(url, allow),
    release: gate.release,
    waiting: (count = 1) => gate.waiting(count),
    expireAccessTokens: grants.expireAccessTokens,
    revoke(token) {
      if (!grants.revoke(token)) throw new RangeError('The sandbox has handed out no such token.');
    },
    close() {
      gate.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  });
}
