import { Router, type Request, type Response } from 'express';
import type { SessionData } from 'express-session';
import type { Sandbox } from 'express-connect-auth/testing';
import {
  allCodesContent,
  answerContent,
  codeResult,
  errorsContent,
  hintContent,
  shownAnswer,
  type CodeResult,
  type ShownAnswer,
} from './errors-page';
import { caught, readFields, saveSession, smallForm } from './handlers';
import { SIGN_IN } from './home-page';
import type { Html } from './html';
import type { PageContent } from './layout';
import type { Rehearsal } from './rehearsal';
import { API_CODES, describeTrouble, parseTrouble, troubleName, type Trouble } from './troubles';
import { createWalker, HASTY_PREFIX, type Walker } from './walk';

declare module 'express-session' {
  interface SessionData {
    /** The last sign-ins that this browser has had the demo go through: their page can be loaded again. */
    demoAnswer?: { readonly trouble: string; readonly answer: ShownAnswer } | { readonly all: readonly CodeResult[] };
  }
}

const PAGE = '/errors';
const ANSWER_PAGE = '/errors/answer';

interface ErrorParts {
  readonly address: string;
  readonly sandbox: Sandbox;
  readonly rehearsal: Rehearsal;
  readonly page: (content: PageContent) => string;
}

/** The page of the errors and what its forms do. */
export function errorRoutes({ address, sandbox, rehearsal, page }: ErrorParts): Router {
  const router = Router();
  const walker = createWalker(address, sandbox, rehearsal);

  function show(res: Response, title: string, content: Html): void {
    res.type('html').send(page({ title, current: PAGE, content }));
  }

  async function act(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body);
    const trouble = readTrouble(fields);
    if (fields['action'] === 'all') await keep(req, res, { all: await walkAllCodes(walker) });
    else if (trouble === undefined) res.redirect(303, PAGE);
    else if (fields['action'] === 'raw') {
      const answer = shownAnswer(await walker.walk(trouble));
      await keep(req, res, { trouble: troubleName(trouble), answer });
    } else await sendInto(trouble, fields['action'] === 'go', req, res);
  }

  /** Leaves what is to be shown to the page that shows it. */
  async function keep(req: Request, res: Response, answer: NonNullable<SessionData['demoAnswer']>): Promise<void> {
    req.session.demoAnswer = answer;
    await saveSession(req);
    res.redirect(303, ANSWER_PAGE);
  }

  function showAnswer(req: Request, res: Response): void {
    const kept = req.session.demoAnswer;
    if (kept === undefined) return res.redirect(302, PAGE);
    if ('all' in kept) return show(res, 'All 17 codes', allCodesContent(kept.all));
    const trouble = parseTrouble(kept.trouble);
    if (trouble === undefined) res.redirect(302, PAGE);
    else show(res, describeTrouble(trouble), answerContent(trouble, kept.answer));
  }

  function showHint(req: Request, res: Response): void {
    const trouble = parseTrouble(`visitor.${String(req.params['act'])}`);
    if (trouble?.kind === 'visitor') show(res, describeTrouble(trouble), hintContent(trouble));
    else res.redirect(302, PAGE);
  }

  /** Sends the visitor on a real journey into the trouble. @param isReady - whether they have been told what comes */
  async function sendInto(trouble: Trouble, isReady: boolean, req: Request, res: Response): Promise<void> {
    if (trouble.kind !== 'visitor') {
      rehearsal.remember(res, trouble);
      res.redirect(303, SIGN_IN);
      return;
    }
    rehearsal.forget(res);
    res.redirect(303, isReady ? await startOf(trouble, req, res) : `${PAGE}/hint/${trouble.act}`);
  }

  async function startOf(trouble: Trouble & { kind: 'visitor' }, req: Request, res: Response): Promise<string> {
    switch (trouble.act) {
      case 'declined':
        return SIGN_IN;
      case 'expired':
        return `${HASTY_PREFIX}${SIGN_IN}`;
      case 'incomplete':
        return '/connect/callback';
      case 'foreign':
        return ownPath(await walker.foreignCallback());
      case 'used': {
        const { url, setCookies } = await walker.usedCallback(req.headers.cookie ?? '');
        for (const line of setCookies) res.append('Set-Cookie', line);
        return ownPath(url);
      }
    }
  }

  router.get(PAGE, (_req, res) => show(res, 'Errors', errorsContent()));
  router.get(ANSWER_PAGE, showAnswer);
  router.get(`${PAGE}/hint/:act`, showHint);
  router.post(PAGE, smallForm, caught(act));
  return router;
}

async function walkAllCodes(walker: Walker): Promise<CodeResult[]> {
  const results: CodeResult[] = [];
  for (const apiCode of API_CODES.keys()) {
    const trouble = { kind: 'code', apiCode, shape: 'errorObject', status: 'matching' } as const;
    results.push(codeResult(apiCode, await walker.walk(trouble)));
  }
  return results;
}

function readTrouble(fields: Readonly<Record<string, string>>): Trouble | undefined {
  const { trouble, kind = '', what = '', shape = '', status = '' } = fields;
  return parseTrouble(trouble ?? [kind, what, shape, status].join('.'));
}

function ownPath(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
