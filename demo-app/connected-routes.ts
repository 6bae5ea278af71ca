import { Router, type NextFunction, type Request, type Response } from 'express';
import type { ConnectAuth, ConnectToken } from 'express-connect-auth';
import type { Backstage } from './backstage';
import { BURST_TARGET, fireBurst, tokenHash } from './burst';
import { actionOutcome, connectedContent, liveContent, type Connection, type WorkerSign } from './connected-page';
import { connectionOwner, hasConnection } from './connection-owner';
import { leaveFlash, takeFlash, type ConnectionFlash } from './flash';
import { caught, readFields, reloadSession, saveSession, smallForm } from './handlers';
import type { PageContent } from './layout';
import { userOf } from './users';
import { whoseEvents } from './visitors';

/** The process that answers, where there are several, and what it can do to its like. */
export interface WorkerHandle extends WorkerSign {
  /** Process id of the worker with a number; null: there is none. */
  readonly pidOf: (number: number) => Promise<number | null>;
  readonly kill: (pid: number) => void;
  /** Waits until a process is gone; false if it still is there after some seconds. */
  readonly ended: (pid: number) => Promise<boolean>;
}

interface ConnectedParts {
  readonly address: string;
  readonly connect: ConnectAuth;
  readonly backstage: Backstage;
  readonly worker: WorkerHandle | undefined;
  readonly page: (content: PageContent) => string;
}

const PAGE = '/connected';
/** Characters of an API answer that are shown. */
const MOST_TOLD = 4_000;

/** The connected page, and what its buttons do. */
export function connectedRoutes({ address, connect, backstage, worker, page }: ConnectedParts): Router {
  const router = Router();
  const guard = connect.requireConnect({ onMissing: 'error' });

  async function connectionOf(req: Request, token: ConnectToken): Promise<Connection> {
    const whose = whoseEvents(req);
    const [owner, events] = await Promise.all([
      connectionOwner(req, connect),
      whose === undefined ? [] : backstage.events(whose),
    ]);
    return { token, worker, owner, events, refreshes: refreshesOf(token), nowMs: Date.now() };
  }

  function homeUnlessConnected(req: Request, res: Response, next: NextFunction): void {
    hasConnection(req, connect).then((isConnected) => {
      if (isConnected) next();
      else res.redirect(req.method === 'GET' ? 302 : 303, '/');
    }, next);
  }

  async function show(req: Request, res: Response): Promise<void> {
    const token = await connect.getToken(req);
    const flash = req.session.demoFlash;
    const doomed = flash?.page === '/connected' && flash.kind === 'killed' ? flash.pid : undefined;
    // A connection that came to the process which is about to die: the next one goes to another. A browser follows twenty
    // redirects, which one connection can make before the process is dead.
    if (doomed === process.pid) {
      res.set('Connection', 'close').redirect(302, PAGE);
      return;
    }
    const isDead = doomed === undefined || worker === undefined || (await worker.ended(doomed));
    const told = takeFlash(req, PAGE);
    const outcome =
      told !== undefined && told.connection === connectionIdOf(token) ? actionOutcome(told, token, isDead) : undefined;
    const content = connectedContent(await connectionOf(req, token), outcome);
    res.type('html').send(page({ title: 'Connected', content, live: true }));
  }

  /** @param token - any of the connection that it is about */
  async function tell(req: Request, res: Response, token: ConnectToken, flash: ConnectionFlash): Promise<void> {
    await leaveFlash(req, { page: PAGE, connection: connectionIdOf(token), ...flash });
    res.redirect(303, PAGE);
  }

  async function expire(req: Request, res: Response): Promise<void> {
    const aged = await age(req);
    if (aged === undefined) res.redirect(303, '/');
    else await tell(req, res, aged, { kind: 'expired', before: tokenHash(aged.access_token) });
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
    const before = tokenHash(aged.access_token);
    await tell(req, res, aged, { kind: 'burst', before, result: { ...result, providerCalls } });
  }

  async function callMe(req: Request, res: Response): Promise<void> {
    const { status, data } = await connect.client(req).get<unknown>('/me');
    const text = JSON.stringify(data ?? null, null, 2).slice(0, MOST_TOLD);
    await tell(req, res, await connect.getToken(req), { kind: 'me', status, text });
  }

  async function kill(req: Request, res: Response): Promise<void> {
    const number = Number(readFields(req.body)['worker']);
    const pid = worker === undefined ? null : await worker.pidOf(number);
    if (worker === undefined || pid === null) {
      res.redirect(303, PAGE);
      return;
    }
    const token = await connect.getToken(req);
    // Not before the answer has left: it may be this very process. The next page waits for its end. Not at `finish`: that
    // never comes when the browser closes the connection as soon as it has read the answer.
    res.once('close', () => worker.kill(pid));
    await tell(req, res, token, { kind: 'killed', worker: number, pid });
  }

  router.get(PAGE, homeUnlessConnected, connect.requireConnect(), caught(show));
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
  router.post('/connected/kill', smallForm, homeUnlessConnected, connect.requireConnect(), caught(kill));
  // Where a reload or the address bar leads after a form.
  router.get(['/connected/expire', '/connected/burst', '/connected/me', '/connected/kill'], (_req, res) =>
    res.redirect(302, PAGE),
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

/** What stays the same as long as a connection lives. */
function connectionIdOf({ connection }: ConnectToken): string | undefined {
  return connection?.split('.')[0];
}

/** The label of a token says how often its connection was refreshed. */
function refreshesOf({ connection = '' }: ConnectToken): number | undefined {
  const generation = /^[^.]+\.(\d+)/.exec(connection)?.[1];
  return generation === undefined ? undefined : Number(generation);
}
