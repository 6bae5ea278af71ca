import type { Request } from 'express';
import type { BurstResult } from './burst';
import { saveSession } from './handlers';
import type { JobOutcome } from './nightly-job';

declare module 'express-session' {
  interface SessionData {
    /** What the visitor's last action came to, until a page has told it. */
    demoFlash?: Flash;
  }
}

/** What an action came to. Every form is answered by a redirect; the page behind it tells this, once. */
export type Flash =
  | (ConnectionFlash & { readonly page: '/connected'; readonly connection: string | undefined })
  | { readonly page: '/users'; readonly kind: 'job'; readonly job: JobOutcome }
  | { readonly page: '/' | '/users'; readonly kind: 'disconnected'; readonly user: string | undefined };

/** What one came to that was about a connection. Tokens are told by their hash. */
export type ConnectionFlash =
  | { readonly kind: 'expired'; readonly before: string }
  | { readonly kind: 'burst'; readonly before: string; readonly result: BurstResult }
  | { readonly kind: 'me'; readonly status: number; readonly text: string }
  | { readonly kind: 'killed'; readonly worker: number; readonly pid: number };

type FlashOf<Page extends Flash['page']> = Flash & { readonly page: Page };

/** Keeps an outcome for the page that a redirect leads to. */
export async function leaveFlash(req: Request, flash: Flash): Promise<void> {
  req.session.demoFlash = flash;
  await saveSession(req);
}

/** Takes the outcome that was left for a page, so that it is told once. */
export function takeFlash<Page extends Flash['page']>(req: Request, page: Page): FlashOf<Page> | undefined {
  const flash = req.session.demoFlash;
  if (flash?.page !== page) return undefined;
  delete req.session.demoFlash;
  return flash as FlashOf<Page>;
}
