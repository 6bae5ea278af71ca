import { urlencoded, type Request, type RequestHandler, type Response } from 'express';

/** Reads a small form into `req.body`; {@link readFields} takes it from there. */
export const smallForm: RequestHandler = urlencoded({ extended: false, limit: '4kb' });

/** The fields of a form that hold text. */
export function readFields(body: unknown): Readonly<Record<string, string>> {
  const entries = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Express 4 does not catch rejections. */
export function caught(handler: (req: Request, res: Response) => Promise<void>): RequestHandler {
  return function caughtHandler(req, res, next) {
    handler(req, res).catch(next);
  };
}

/** Saves first: a browser may follow a redirect before express-session writes on its own. */
export function saveSession(req: Request): Promise<void> {
  return settled((done) => req.session.save(done));
}

/** Takes what the store holds by now. */
export function reloadSession(req: Request): Promise<void> {
  return settled((done) => req.session.reload(done));
}

function settled(act: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    act((error) => {
      if (error === undefined || error === null) resolve();
      else reject(error instanceof Error ? error : new Error('The session store failed.'));
    });
  });
}
