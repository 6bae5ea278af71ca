import { randomBytes } from 'node:crypto';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import session from 'express-session';
import { connectAuth, type ConnectAuthOptions } from 'express-connect-auth';
import type { Sandbox } from 'express-connect-auth/testing';
import { errorsNeedSandboxContent } from './errors-page';
import { errorRoutes } from './error-routes';
import { connectedContent, welcomeBackContent, welcomeContent } from './home-page';
import { html } from './html';
import { layout, type Page } from './layout';
import { createRehearsal } from './rehearsal';
import { oneAddress, ownFormsOnly } from './same-origin';
import { CHEVRON, FAVICON, STYLES } from './styles';
import { HASTY_PREFIX } from './walk';

/** What the demo is made of. */
export interface DemoParts {
  /** Origin under which visitors open the demo, for example `http://localhost:3000`. */
  readonly address: string;
  /** For `connectAuth`; `redirectUri` is `<address>/connect/callback`. */
  readonly connectOptions: ConnectAuthOptions;
  /** The sandbox that `connectOptions` point to; without it, errors cannot be put on show. */
  readonly sandbox?: Sandbox | undefined;
}

/** How long a sign-in of the "takes too long" exhibit lives, in milliseconds: the least that the library allows. */
const HASTY_TTL_MS = 100;

/** Makes the demo's Express app. It listens nowhere yet. */
export function createDemo({ address, connectOptions, sandbox }: DemoParts): Express {
  const app = express();
  // Cookies do not tell ports apart: two demos on one machine would share a name.
  const cookieSuffix = new URL(address).port || 'demo';
  const page = (content: Omit<Page, 'provider'>) =>
    layout({ ...content, provider: sandbox === undefined ? 'real' : 'sandbox' });
  const formTargets = ["'self'", ...(sandbox === undefined ? [] : [sandbox.url])];

  app.disable('x-powered-by');
  app.use(oneAddress(address));
  app.use(function setPageHeaders(_req: Request, res: Response, next: NextFunction) {
    // A form that leads into a sign-in is followed to the provider, so form-action names the sandbox too.
    res.set({
      'Content-Security-Policy': "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        + `frame-ancestors 'none'; form-action ${formTargets.join(' ')}`,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'same-origin',
      'Cache-Control': 'no-store',
    });
    next();
  });

  app.get('/style.css', (_req, res) => void res.type('text/css').send(STYLES));
  app.get('/favicon.svg', (_req, res) => void res.type('image/svg+xml').send(FAVICON));
  app.get('/chevron.svg', (_req, res) => void res.type('image/svg+xml').send(CHEVRON));

  app.use(ownFormsOnly(address));
  app.use(session({
    name: `demo.sid.${cookieSuffix}`,
    secret: randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', httpOnly: true },
  }));

  const rehearsal = sandbox === undefined ? undefined : createRehearsal(sandbox, `demo.trouble.${cookieSuffix}`);
  if (rehearsal !== undefined) app.use('/connect/callback', rehearsal.handler);
  app.use(connectAuth(connectOptions));

  app.get('/', (req, res) => {
    const content = req.session.connectToken === undefined ? welcomeContent() : welcomeBackContent();
    res.type('html').send(page({ title: 'Connect your account', current: '/', content }));
  });
  app.get('/connected', (req, res) => {
    const token = req.session.connectToken;
    if (token === undefined) res.redirect(302, '/');
    else res.type('html').send(page({ title: 'Connected', content: connectedContent(token, Date.now()) }));
  });
  app.post('/start-over', (req, res, next) => {
    req.session.destroy((error: unknown) => {
      if (error !== undefined && error !== null) next(error);
      else res.redirect(303, '/');
    });
  });

  if (sandbox !== undefined && rehearsal !== undefined) {
    app.use(HASTY_PREFIX, connectAuth({
      ...connectOptions,
      redirectUri: `${address}${HASTY_PREFIX}/connect/callback`,
      sessionKey: 'hastyToken',
      pendingTtlMs: HASTY_TTL_MS,
    }));
    app.use(errorRoutes({ address, sandbox, rehearsal, page }));
  } else {
    app.get('/errors', (_req, res) => void res.type('html')
      .send(page({ title: 'Errors on show', current: '/errors', content: errorsNeedSandboxContent() })));
  }

  app.use(function notFound(_req: Request, res: Response) {
    const content = html`<h1>Nothing here</h1><p class="lead">This page does not exist.</p>
<div class="actions"><a class="button" href="/">Go to the first page</a></div>`;
    res.status(404).type('html').send(page({ title: 'Nothing here', content }));
  });
  return app;
}
