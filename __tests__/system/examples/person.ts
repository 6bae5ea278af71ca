import { clickThrough } from '../../../src/testing/visitor';
import { browser, type Answer } from '../../support/app';

/** Somebody with a browser in front of an example. */
export interface Person {
  /** Loads a page of the example. */
  open(path: string): Promise<Answer>;
  /** Opens a page, follows redirects, and clicks at the provider as often as they are asked. */
  visit(path: string, click: 'allow' | 'decline'): Promise<Answer & { readonly path: string; readonly clicks: number }>;
  /** What a script of the page does. */
  call(path: string): Promise<Answer>;
  /** Sends a form without fields from a page of the example. */
  send(path: string): Promise<Answer>;
}

/** @param example - where it answers, and where its provider does */
export function personAt({ url, sandboxUrl }: { readonly url: string; readonly sandboxUrl: string }): Person {
  const visitor = browser();
  return {
    open: (path) => visitor.visit(url + path),
    async visit(path, click) {
      let clicks = 0;
      let at = new URL(path, url);
      let answer = await visitor.visit(at.href);
      for (let steps = 0; answer.location !== '' && steps < 10; steps += 1) {
        at = new URL(answer.location, at);
        if (at.origin === sandboxUrl) {
          at = new URL(await clickThrough(sandboxUrl, at.href, click));
          clicks += 1;
        }
        answer = await visitor.visit(at.href);
      }
      return { ...answer, path: at.pathname, clicks };
    },
    call: (path) => visitor.visit(url + path, { accept: '*/*', 'sec-fetch-mode': 'cors' }),
    send: (path) => visitor.visit(url + path, { accept: 'text/html', origin: url }, 'POST'),
  };
}
