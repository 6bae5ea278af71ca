import { randomBytes } from 'node:crypto';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { Registry } from 'prom-client';
import session, { type SessionOptions } from 'express-session';
import {
  connectAuth,
  connectErrorHandler,
  memoryConnections,
  type ConnectAuthOptions,
  type ConnectEvent,
} from 'express-connect-auth';
import type { Sandbox } from 'express-connect-auth/testing';
import { localBackstage, type Backstage } from './backstage';
import { connectedRoutes, type WorkerHandle } from './connected-routes';
import { hasConnection } from './connection-owner';
import { errorsInOneProcessContent, errorsNeedSandboxContent } from './errors-page';
import { errorRoutes } from './error-routes';
import { leaveFlash, takeFlash } from './flash';
import { caught } from './handlers';
import { welcomeBackContent, welcomeContent } from './home-page';
import { html } from './html';
import { layout, type PageContent } from './layout';
import { LIVE_SCRIPT } from './live-script';
import { disconnectedOutcome } from './outcome';
import { createRehearsal } from './rehearsal';
import { isOnlyHere, oneAddress, ownFormsOnly } from './same-origin';
import { CHEVRON, FAVICON, STYLES } from './styles';
import { userBar } from './user-bar';
import { userOf } from './users';
import { userRoutes } from './users-routes';
import { followVisitor, whoseEvent } from './visitors';
import { HASTY_PREFIX } from './walk';

/** What the demo is made of. */
export interface DemoParts {
  /** Origin under which visitors open the demo, for example `http://localhost:3000`. */
  readonly address: string;
  /** For `connectAuth`; `redirectUri` is `<address>/connect/callback`. */
  readonly connectOptions: ConnectAuthOptions;
  /** The sandbox that `connectOptions` point to, where it is in this process: only there can errors be put on show. */
  readonly sandbox?: Sandbox | undefined;
  /** Where the demo is one of several processes. */
  readonly cluster?: ClusterPart | undefined;
}

/** What one of several processes shares with the others. */
export interface ClusterPart {
  readonly worker: WorkerHandle;
  readonly backstage: Backstage;
  readonly session: Pick<SessionOptions, 'store' | 'secret'>;
}

/** The demo, not yet listening. */
export interface Demo {
  readonly app: Express;
  /** Waits for refreshes in flight. */
  close(): Promise<void>;
}

/** How long a sign-in of the "takes too long" exhibit lives, in milliseconds: the least that the library allows. */
const HASTY_TTL_MS = 100;

/** Makes the demo's Express app. It listens nowhere yet. */
export function createDemo({ address, connectOptions, sandbox, cluster }: DemoParts): Demo {
  const app = express();
  // Cookies do not tell ports apart: two demos on one machine would share a name.
  const cookieSuffix = new URL(address).port || 'demo';
  const provider = sandbox === undefined && cluster === undefined ? 'real' : 'sandbox';
  // Users without passwords are for the one person in front of this machine.
  const hasUsers = isOnlyHere(address);
  const page = (content: PageContent) => layout({ ...content, provider, hasUsers });
  const backstage = cluster?.backstage ?? localBackstage(sandbox);
  const { connections = memoryConnections(), ...ownOptions } = connectOptions;
  const options = {
    ...ownOptions,
    afterDisconnect: '/disconnected',
    onEvent(event: ConnectEvent) {
      backstage.record(event, whoseEvent(event));
      return connectOptions.onEvent?.(event);
    },
  };
  const { authorizeUrl } = connectOptions;
  const formTargets = [
    "'self'",
    ...(provider === 'real' || authorizeUrl === undefined ? [] : [new URL(authorizeUrl).origin]),
  ];

  app.disable('x-powered-by');
  app.use(oneAddress(address));
  app.use(function setPageHeaders(_req: Request, res: Response, next: NextFunction) {
    // A form that leads into a sign-in is followed to the provider, so form-action names the sandbox too.
    res.set({
      'Content-Security-Policy':
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; " +
        `base-uri 'none'; frame-ancestors 'none'; form-action ${formTargets.join(' ')}`,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'same-origin',
      'Cache-Control': 'no-store',
    });
    next();
  });

  app.get('/style.css', (_req, res) => void res.type('text/css').send(STYLES));
  app.get('/live.js', (_req, res) => void res.type('text/javascript').send(LIVE_SCRIPT));
  // Pages that are not the demo's own name no icon, and browsers ask for the second one.
  app.get(['/favicon.svg', '/favicon.ico'], (_req, res) => void res.type('image/svg+xml').send(FAVICON));
  app.get('/chevron.svg', (_req, res) => void res.type('image/svg+xml').send(CHEVRON));

  app.use(ownFormsOnly(address));
  app.use(
    session({
      name: `demo.sid.${cookieSuffix}`,
      secret: randomBytes(32).toString('hex'),
      resave: false,
      saveUninitialized: false,
      cookie: { sameSite: 'lax', httpOnly: true },
      ...cluster?.session,
    }),
  );

  app.use(followVisitor);

  const rehearsal = sandbox === undefined ? undefined : createRehearsal(sandbox, `demo.trouble.${cookieSuffix}`);
  if (rehearsal !== undefined) app.use('/connect/callback', rehearsal.handler);
  const connect = connectAuth(hasUsers ? { ...options, connections, owner: (req) => userOf(req)?.id } : options);
  app.use(connect);

  app.get(
    '/',
    caught(async (req, res) => {
      const user = userOf(req);
      const told = takeFlash(req, '/');
      const welcome = (await hasConnection(req, connect))
        ? welcomeBackContent()
        : welcomeContent(told && disconnectedOutcome(told.user));
      const bar = hasUsers ? userBar(user, '/') : undefined;
      const content = user === undefined ? html`${welcome}${bar}` : html`${bar}${welcome}`;
      res.type('html').send(page({ title: 'Sign-in with Appy Pie Connect', current: '/', content }));
    }),
  );
  app.get(
    '/disconnected',
    caught(async (req, res) => {
      // Shown only to whoever is not connected: this address can be opened by hand.
      await leaveFlash(req, { page: '/', kind: 'disconnected', user: userOf(req)?.id });
      res.redirect(302, '/');
    }),
  );
  if (hasUsers) app.use(userRoutes({ connect, worker: cluster?.worker.number, page }));
  app.use(connectedRoutes({ address, connect, backstage, worker: cluster?.worker, page }));
  app.get('/metrics', (_req, res, next) => {
    backstage.metrics().then((text) => void res.set('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE).send(text), next);
  });

  if (sandbox !== undefined && rehearsal !== undefined) {
    app.use(
      HASTY_PREFIX,
      connectAuth({
        ...options,
        redirectUri: `${address}${HASTY_PREFIX}/connect/callback`,
        sessionKey: 'hastyToken',
        pendingTtlMs: HASTY_TTL_MS,
      }),
    );
    app.use(errorRoutes({ address, sandbox, rehearsal, page }));
  } else {
    const content = cluster === undefined ? errorsNeedSandboxContent() : errorsInOneProcessContent();
    app.get(
      '/errors',
      (_req, res) => void res.type('html').send(page({ title: 'Errors', current: '/errors', content })),
    );
  }

  app.use(function notFound(_req: Request, res: Response) {
    const content = html`<h1>There is no such page</h1><p class="lead">The address may be mistyped.</p>
<div class="actions"><a class="button" href="/">Go to the start page</a></div>`;
    res
      .status(404)
      .type('html')
      .send(page({ title: 'There is no such page', content }));
  });
  app.use(connectErrorHandler());
  return { app, close: () => connect.close() };
}
