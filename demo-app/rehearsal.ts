import type { Request, RequestHandler, Response } from 'express';
import type { Sandbox } from 'express-connect-auth/testing';
import { FAULTS, parseTrouble, troubleName, type Trouble } from './troubles';

/**
 * One visitor's wish that their next sign-in goes wrong. It travels in a cookie of its own, so visitors do not get in
 * each other's way, and the session stays what the library made of it.
 */
export interface Rehearsal {
  /** Remembers the trouble in this visitor's browser, for ten minutes. */
  remember(res: Response, trouble: Trouble): void;
  forget(res: Response): void;
  /** `Cookie` header by which a script asks for the same trouble. */
  cookieFor(trouble: Trouble): string;
  /** To mount in front of the callback: makes the sandbox fail the one exchange that belongs to this request. */
  readonly handler: RequestHandler;
}

/** @param cookieName - a name that no other demo on this host uses: ports do not separate cookies */
export function createRehearsal(sandbox: Sandbox, cookieName: string): Rehearsal {
  const gate = createGate();
  const cookieOptions = { path: '/connect', httpOnly: true, sameSite: 'lax' } as const;
  const pattern = new RegExp(`(?:^|; *)${cookieName.replaceAll('.', '\\.')}=([^;]*)`);

  function wishOf(req: Request): Trouble | undefined {
    const value = pattern.exec(req.headers.cookie ?? '')?.[1];
    return value === undefined ? undefined : parseTrouble(value);
  }

  return {
    remember: (res, trouble) =>
      void res.cookie(cookieName, troubleName(trouble), { ...cookieOptions, maxAge: 600_000 }),
    forget: (res) => void res.clearCookie(cookieName, cookieOptions),
    cookieFor: (trouble) => `${cookieName}=${troubleName(trouble)}`,
    handler: function rehearse(req, res, next) {
      const trouble = wishOf(req);
      gate(trouble !== undefined, (leave) => {
        let disarm: () => void = () => undefined;
        res.once('close', () => {
          disarm();
          leave();
        });
        if (trouble !== undefined) {
          res.clearCookie(cookieName, cookieOptions);
          disarm = arm(sandbox, trouble);
        }
        next();
      });
    },
  };
}

/** Makes the next exchange fail; the answer undoes it, also when no exchange came. */
function arm(sandbox: Sandbox, trouble: Trouble): () => void {
  const exchangesBefore = sandbox.calls.exchange;
  if (trouble.kind === 'code') {
    sandbox.set({ errorShape: trouble.shape, errorStatus: trouble.status });
    sandbox.force(trouble.apiCode, { on: 'exchange' });
  }
  const named = trouble.kind === 'fault' ? FAULTS.get(trouble.fault) : undefined;
  if (named !== undefined) sandbox.fault(named.fault, { on: 'exchange' });
  return function disarm() {
    if (sandbox.calls.exchange === exchangesBefore) sandbox.reset();
    else if (trouble.kind === 'code') sandbox.set({ errorShape: 'oauth', errorStatus: 'matching' });
  };
}

/** Calls `enter` when it is this one's turn; `leave` lets the next ones in. */
type Gate = (alone: boolean, enter: (leave: () => void) => void) => void;

/** Lets any number through together, and those who ask for it alone: a rehearsed failure must not hit a bystander. */
function createGate(): Gate {
  const queue: { readonly alone: boolean; readonly enter: (leave: () => void) => void }[] = [];
  let inside = 0;
  let closed = false;

  function letIn(): void {
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      if (closed || (first.alone && inside > 0)) return;
      queue.shift();
      inside += 1;
      closed = first.alone;
      first.enter(leave);
    }
  }

  function leave(): void {
    inside -= 1;
    closed = false;
    letIn();
  }

  return (alone, enter) => {
    queue.push({ alone, enter });
    letIn();
  };
}
