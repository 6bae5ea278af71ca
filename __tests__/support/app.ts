import http from 'node:http';
import express, { type Express, type RequestHandler } from 'express';
import session, { MemoryStore, type SessionOptions, type Store } from 'express-session';
import { connectAuth, connectErrorHandler, type ConnectAuth, type ConnectAuthOptions } from '../../src';
import type { Sandbox } from '../../src/testing';
import { serve } from './serve';

/** A user's app on a free loopback port. */
export interface TestApp {
  readonly url: string;
  readonly store: Store;
  /** All session documents of a MemoryStore, parsed. */
  sessions(): Promise<Record<string, Record<string, unknown>>>;
  close(): Promise<void>;
}

export interface TestAppParts {
  readonly options?: Partial<ConnectAuthOptions>;
  readonly session?: Partial<SessionOptions>;
  readonly store?: Store;
  /** Runs after express-session and before connectAuth. */
  readonly before?: readonly RequestHandler[];
  readonly routes?: (app: Express, connect: ConnectAuth) => void;
  /** Mount path of connectAuth. */
  readonly mount?: string;
  readonly server?: http.ServerOptions;
}

/**
 * Starts an app that signs in against the sandbox: `/token` shows the session's token, `/` says hello. It is closed with
 * the test or the file that starts it.
 */
export async function startApp(sandbox: Pick<Sandbox, 'connectOptions'>, parts: TestAppParts = {}): Promise<TestApp> {
  const app = express();
  const { url, close } = await serve(http.createServer(parts.server ?? {}, app as unknown as http.RequestListener));
  const store = parts.store ?? new MemoryStore();
  app.use(
    session({
      secret: 'session signing secret of the tests',
      resave: false,
      saveUninitialized: false,
      store,
      ...parts.session,
    }),
  );
  for (const handler of parts.before ?? []) app.use(handler);
  const mount = parts.mount ?? '';
  const connect = connectAuth({
    ...sandbox.connectOptions,
    redirectUri: `${url}${mount}/connect/callback`,
    // A machine that is busy must not be taken for a provider or a store that is away.
    timeoutMs: 30_000,
    storeTimeoutMs: 30_000,
    ...parts.options,
  });
  app.use(mount === '' ? '/' : mount, connect);
  app.get('/', (_req, res) => void res.send('hello'));
  app.get('/token', (req, res) => void res.json(req.session.connectToken ?? null));
  parts.routes?.(app, connect);
  app.use(connectErrorHandler());
  return {
    url,
    store,
    sessions: () => allSessions(store),
    close,
  };
}

/** Starts an app for one check and closes it, whatever comes of the check. */
export async function withApp(
  sandbox: Sandbox,
  parts: TestAppParts,
  check: (app: TestApp) => Promise<void>,
): Promise<void> {
  const app = await startApp(sandbox, parts);
  try {
    await check(app);
  } finally {
    await app.close();
  }
}

function allSessions(store: Store): Promise<Record<string, Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    store.all?.((error: unknown, found) => {
      if (error != null) reject(new Error('the store failed'));
      else resolve({ ...(found as unknown as Record<string, Record<string, unknown>>) });
    });
  });
}

/** An answer as a browser sees it: redirects are not followed. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly location: string;
}

/** A browser with a cookie jar. */
export interface Browser {
  readonly cookies: Map<string, string>;
  /** GET as a page load, unless other headers, another method or a body are given. */
  visit(url: string, headers?: http.OutgoingHttpHeaders, method?: string, body?: string): Promise<Answer>;
  /** Another browser window's worth of state: same cookies now, separate from here on. */
  fork(): Browser;
}

export function browser(cookies: ReadonlyMap<string, string> = new Map()): Browser {
  const jar = new Map(cookies);
  return {
    cookies: jar,
    async visit(url, headers = { accept: 'text/html' }, method = 'GET', body = '') {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await send(url, method, cookie === '' ? headers : { cookie, ...headers }, body);
      for (const line of answer.headers['set-cookie'] ?? []) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/u.exec(line) ?? [];
        jar.set(name, value);
      }
      return answer;
    },
    fork: () => browser(jar),
  };
}

/** Browsers keep their connections; those of an app end with it. */
const agent = new http.Agent({ keepAlive: true });

function send(url: string, method: string, headers: http.OutgoingHttpHeaders, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
          location: response.headers.location ?? '',
        }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Starts a sign-in and lets the person click "Allow". @returns the callback URL, not yet visited */
export async function beginSignIn(
  app: TestApp,
  sandbox: Sandbox,
  visitor: Browser,
  path = '/connect/authorize',
): Promise<string> {
  const started = await visitor.visit(app.url + path);
  if (started.status !== 302) throw new Error(`authorize answered ${started.status}: ${started.body}`);
  return sandbox.allow(started.location);
}

/** The whole journey. @returns the answer of the callback */
export async function signIn(
  app: TestApp,
  sandbox: Sandbox,
  visitor: Browser,
  path = '/connect/authorize',
): Promise<Answer> {
  return visitor.visit(await beginSignIn(app, sandbox, visitor, path));
}
