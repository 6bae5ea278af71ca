import type { Answer, Browser } from './app';

/** Sends a form of the demo as the browser does that shows it, without script. */
export function sendForm(
  visitor: Browser,
  address: string,
  path: string,
  fields: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const own = {
    accept: 'text/html',
    origin: address,
    'content-type': 'application/x-www-form-urlencoded',
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'navigate',
  };
  return visitor.visit(address + path, { ...own, ...headers }, 'POST', new URLSearchParams(fields).toString());
}

/** Text of a page without its tags. */
export function textOf(page: Pick<Answer, 'body'>): string {
  return page.body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
}
