import { Router, type Request, type Response } from 'express';
import type { ConnectAuth } from 'express-connect-auth';
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
    const content = usersContent({ account, job: req.session.demoJob, nowMs: Date.now() });
    res.type('html').send(page({ title: 'Users', current: PAGE, content }));
  }

  /**
   * Changes who is logged in, in the session as it is. An app with passwords makes a new session at that moment; this one
   * keeps it, so that the next user meets whatever the last one has left.
   */
  async function become(req: Request, res: Response, id: string | undefined): Promise<void> {
    if (id === undefined) delete req.session.demoUser;
    else req.session.demoUser = id;
    delete req.session.demoJob;
    await saveSession(req);
    res.redirect(303, barPageOf(readFields(req.body)['back']));
  }

  async function logIn(req: Request, res: Response): Promise<void> {
    const user = userById(readFields(req.body)['user']) ?? userOf(req);
    await become(req, res, user?.id);
  }

  async function runJob(req: Request, res: Response): Promise<void> {
    const user = userById(readFields(req.body)['user']);
    if (user !== undefined) {
      const came = await nightlyJob(connect, user);
      const where = worker === undefined ? {} : { worker };
      req.session.demoJob = { userId: user.id, timeMs: Date.now(), ...came, ...where };
      await saveSession(req);
    }
    res.redirect(303, PAGE);
  }

  async function disconnect(req: Request, res: Response): Promise<void> {
    const user = userOf(req);
    if (user !== undefined) await connect.of(user.id).disconnect();
    res.redirect(303, PAGE);
  }

  router.get(PAGE, caught(show));
  router.post('/users/login', smallForm, caught(logIn));
  router.post(
    '/users/logout',
    smallForm,
    caught((req, res) => become(req, res, undefined)),
  );
  router.post('/users/job', smallForm, caught(runJob));
  router.post('/users/disconnect', caught(disconnect));
  // Where a reload or the address bar leads after a form.
  router.get(['/users/login', '/users/logout', '/users/job', '/users/disconnect'], (_req, res) =>
    res.redirect(302, PAGE),
  );
  return router;
}
