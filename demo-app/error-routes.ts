import { Router, type Request, type Response } from 'express';
import type { Sandbox } from 'express-connect-auth/testing';
import { allCodesContent, answerContent, errorsContent, hintContent } from './errors-page';
import { caught, readFields, smallForm } from './handlers';
import { SIGN_IN } from './home-page';
import type { Html } from './html';
import type { PageContent } from './layout';
import type { Rehearsal } from './rehearsal';
import { API_CODES, describeTrouble, parseTrouble, type Trouble } from './troubles';
import { createWalker, HASTY_PREFIX, type Answer, type Walker } from './walk';

interface ErrorParts {
  readonly address: string;
  readonly sandbox: Sandbox;
  readonly rehearsal: Rehearsal;
  readonly page: (content: PageContent) => string;
}

/** The page "Errors on show" and what its forms do. */
export function errorRoutes({ address, sandbox, rehearsal, page }: ErrorParts): Router {
  const router = Router();
  const walker = createWalker(address, sandbox, rehearsal);

  function show(res: Response, title: string, content: Html): void {
    res.type('html').send(page({ title, current: '/errors', content }));
  }

  async function act(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body);
    if (fields['action'] === 'all') {
      show(res, 'All 17 codes', allCodesContent(await walkAllCodes(walker)));
      return;
    }
    const trouble = readTrouble(fields);
    if (trouble === undefined) res.redirect(303, '/errors');
    else if (fields['action'] === 'raw')
      show(res, describeTrouble(trouble), answerContent(trouble, await walker.walk(trouble)));
    else await sendInto(trouble, req, res);
  }

  /** Sends the visitor on a real journey into the trouble. */
  async function sendInto(trouble: Trouble, req: Request, res: Response): Promise<void> {
    if (trouble.kind !== 'visitor') {
      rehearsal.remember(res, trouble);
      res.redirect(303, SIGN_IN);
      return;
    }
    rehearsal.forget(res);
    show(res, describeTrouble(trouble), hintContent(trouble, await startOf(trouble, req, res)));
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

  router.get('/errors', (_req, res) => show(res, 'Errors on show', errorsContent()));
  router.post('/errors', smallForm, caught(act));
  return router;
}

async function walkAllCodes(walker: Walker): Promise<{ apiCode: number; answer: Answer }[]> {
  const results = [];
  for (const apiCode of API_CODES.keys()) {
    const trouble = { kind: 'code', apiCode, shape: 'errorObject', status: 'matching' } as const;
    results.push({ apiCode, answer: await walker.walk(trouble) });
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
