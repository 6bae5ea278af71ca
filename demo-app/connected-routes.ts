import { Router, type NextFunction, type Request, type Response } from 'express';
import type { ConnectAuth, ConnectToken } from 'express-connect-auth';
import type { Backstage } from './backstage';
import { BURST_TARGET, fireBurst, tokenHash } from './burst';
import {
  burstOutcome,
  connectedContent,
  expiredOutcome,
  killedOutcome,
  liveContent,
  meOutcome,
  type Connection,
  type WorkerSign,
} from './connected-page';
import { connectionOwner, hasConnection } from './connection-owner';
import { caught, readFields, reloadSession, saveSession, smallForm } from './handlers';
import type { Html } from './html';
import type { PageContent } from './layout';
import { userOf } from './users';

interface ConnectedParts {
  readonly address: string;
  readonly connect: ConnectAuth;
  readonly backstage: Backstage;
  readonly worker: (WorkerSign & { readonly kill: (number: number) => void }) | undefined;
  readonly page: (content: PageContent) => string;
}

/** The connected page, and what its buttons do. */
export function connectedRoutes({ address, connect, backstage, worker, page }: ConnectedParts): Router {
  const router = Router();
  const guard = connect.requireConnect({ onMissing: 'error' });

  async function connectionOf(req: Request, token: ConnectToken): Promise<Connection> {
    const [owner, events] = await Promise.all([connectionOwner(req, connect), backstage.events()]);
    return { token, worker, owner, events, refreshes: refreshesOf(token), nowMs: Date.now() };
  }

  function homeUnlessConnected(req: Request, res: Response, next: NextFunction): void {
    hasConnection(req, connect).then((isConnected) => {
      if (isConnected) next();
      else res.redirect(req.method === 'GET' ? 302 : 303, '/');
    }, next);
  }

  async function show(
    req: Request,
    res: Response,
    title: string,
    outcome?: (token: ConnectToken) => Html | undefined,
  ): Promise<void> {
    const token = await connect.getToken(req);
    const content = connectedContent(await connectionOf(req, token), outcome?.(token));
    res.type('html').send(page({ title, content, live: true }));
  }

  function noticeOf(req: Request, token: ConnectToken): Html | undefined {
    const { expired, killed } = req.query;
    if (typeof expired === 'string' && /^[0-9a-f]{8}$/.test(expired)) return expiredOutcome(expired, token);
    return worker !== undefined && typeof killed === 'string' && /^\d{1,2}$/.test(killed)
      ? killedOutcome(Number(killed), worker)
      : undefined;
  }

  async function expire(req: Request, res: Response): Promise<void> {
    const aged = await age(req);
    res.redirect(303, aged === undefined ? '/' : `/connected?expired=${tokenHash(aged.access_token)}`);
  }

  async function burst(req: Request, res: Response): Promise<void> {
    const aged = await age(req);
    if (aged === undefined) {
      res.redirect(303, '/');
      return;
    }
    const result = await fireBurst(address, req.headers.cookie ?? '');
    const providerCalls = await backstage.presentations(aged.refresh_token ?? '');
    // This request still holds the session as it was before those fifty.
    await reloadSession(req);
    await show(req, res, 'Fifty at once', () =>
      burstOutcome(tokenHash(aged.access_token), { ...result, providerCalls }),
    );
  }

  async function callMe(req: Request, res: Response): Promise<void> {
    const { status, data } = await connect.client(req).get<unknown>('/me');
    await show(req, res, 'GET /me', () => meOutcome(status, data));
  }

  function kill(req: Request, res: Response): void {
    const number = Number(readFields(req.body)['worker']);
    if (worker === undefined || !Number.isInteger(number) || number < 1 || number > worker.of)
      return res.redirect(303, '/connected');
    // Not before the answer has left: it may be this very process.
    res.once('finish', () => worker.kill(number));
    res.redirect(303, `/connected?killed=${number}`);
  }

  router.get(
    '/connected',
    homeUnlessConnected,
    connect.requireConnect(),
    caught((req, res) => show(req, res, 'Connected', (token) => noticeOf(req, token))),
  );
  router.get(
    '/connected/live',
    guard,
    caught(async (req, res) => {
      const token = await connect.getToken(req);
      const connection = await connectionOf(req, token);
      // Another device has disconnected, which this session hears of within a minute; what is recorded says so at once.
      if (userOf(req) !== undefined && connection.owner === undefined) res.status(401).end();
      else res.type('html').send(liveContent(connection).markup);
    }),
  );
  router.get(
    BURST_TARGET,
    guard,
    caught(async (req, res) => {
      const { access_token } = await connect.getToken(req);
      res.json({ token: tokenHash(access_token), worker: worker?.number });
    }),
  );
  router.post('/connected/expire', caught(expire));
  router.post('/connected/burst', caught(burst));
  router.post('/connected/me', homeUnlessConnected, connect.requireConnect(), caught(callMe));
  router.post('/connected/kill', smallForm, kill);
  // Where a reload or the address bar leads after a form.
  router.get(['/connected/expire', '/connected/burst', '/connected/me', '/connected/kill'], (_req, res) =>
    res.redirect(302, '/connected'),
  );
  return router;
}

/** Makes the stored token one that expired a second ago. @returns that token; undefined without a connection */
async function age(req: Request): Promise<ConnectToken | undefined> {
  const token = req.session.connectToken;
  if (token === undefined) return undefined;
  const aged = { ...token, expires_at: Math.floor(Date.now() / 1000) - 1 };
  req.session.connectToken = aged;
  await saveSession(req);
  return aged;
}

/** The label of a token says how often its connection was refreshed. */
function refreshesOf({ connection = '' }: ConnectToken): number | undefined {
  const generation = /^[^.]+\.(\d+)/.exec(connection)?.[1];
  return generation === undefined ? undefined : Number(generation);
}
