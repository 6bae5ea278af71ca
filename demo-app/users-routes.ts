import { Router, type Request, type Response } from 'express';
import type { ConnectAuth } from 'express-connect-auth';
import { leaveFlash, takeFlash } from './flash';
import { caught, readFields, saveSession, smallForm } from './handlers';
import type { PageContent } from './layout';
import { nightlyJob } from './nightly-job';
import { barPageOf } from './user-bar';
import { userById, userOf } from './users';
import { usersContent } from './users-page';

interface UserParts {
  readonly connect: ConnectAuth;
  /** Number of this process, where there are several. */
  readonly worker: number | undefined;
  readonly page: (content: PageContent) => string;
}

const PAGE = '/users';

/** The page of the users, and what its buttons do. */
export function userRoutes({ connect, worker, page }: UserParts): Router {
  const router = Router();

  async function show(req: Request, res: Response): Promise<void> {
    const user = userOf(req);
    const account = user === undefined ? undefined : { user, status: await connect.of(user.id).status() };
    const content = usersContent({ account, told: takeFlash(req, PAGE), nowMs: Date.now() });
    res.type('html').send(page({ title: 'Users', current: PAGE, content }));
  }

  /**
   * Changes who is signed in, in the session as it is. An app with passwords makes a new session at that moment; this one
   * keeps it, so that the next user meets whatever the last one has left.
   */
  async function become(req: Request, res: Response, id: string | undefined): Promise<void> {
    if (id === undefined) delete req.session.demoUser;
    else req.session.demoUser = id;
    delete req.session.demoFlash;
    await saveSession(req);
    res.redirect(303, barPageOf(readFields(req.body)['back']));
  }

  async function signIn(req: Request, res: Response): Promise<void> {
    const user = userById(readFields(req.body)['user']) ?? userOf(req);
    await become(req, res, user?.id);
  }

  async function runJob(req: Request, res: Response): Promise<void> {
    const user = userById(readFields(req.body)['user']);
    if (user !== undefined) {
      const came = await nightlyJob(connect, user);
      const where = worker === undefined ? {} : { worker };
      const job = { userId: user.id, timeMs: Date.now(), ...came, ...where };
      await leaveFlash(req, { page: PAGE, kind: 'job', job });
    }
    res.redirect(303, PAGE);
  }

  async function disconnect(req: Request, res: Response): Promise<void> {
    const user = userOf(req);
    if (user !== undefined) {
      await connect.of(user.id).disconnect();
      await leaveFlash(req, { page: PAGE, kind: 'disconnected', user: user.id });
    }
    res.redirect(303, PAGE);
  }

  router.get(PAGE, caught(show));
  router.post('/users/sign-in', smallForm, caught(signIn));
  router.post(
    '/users/sign-out',
    smallForm,
    caught((req, res) => become(req, res, undefined)),
  );
  router.post('/users/job', smallForm, caught(runJob));
  router.post('/users/disconnect', caught(disconnect));
  // Where a reload or the address bar leads after a form.
  router.get(['/users/sign-in', '/users/sign-out', '/users/job', '/users/disconnect'], (_req, res) =>
    res.redirect(302, PAGE),
  );
  return router;
}
