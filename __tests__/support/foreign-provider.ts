import { fork } from 'node:child_process';
import { join } from 'node:path';
import { cleanup } from './cleanup';

export interface ForeignProvider {
  readonly url: string;
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  /** Registers the one client; without it nothing is answered. */
  register(client: { clientId: string; clientSecret: string; redirectUris: readonly string[] }): Promise<void>;
}

/** Starts oidc-provider in a process of its own, on a free loopback port; it ends with the test or the file that starts it. */
export async function startForeignProvider(): Promise<ForeignProvider> {
  const child = fork(join(__dirname, 'provider.mjs'), { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  cleanup(
    () =>
      new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        if (!child.kill('SIGKILL')) resolve();
      }),
  );
  let complaints = '';
  child.stderr?.on('data', (text: Buffer) => (complaints += String(text)));

  function message<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const died = (): void => reject(new Error(`oidc-provider ended: ${complaints}`));
      child.once('exit', died);
      child.once('message', (told) => {
        child.off('exit', died);
        resolve(told as T);
      });
    });
  }

  const { url } = await message<{ url: string }>();
  return {
    url,
    authorizeUrl: `${url}/auth`,
    tokenUrl: `${url}/token`,
    async register(client) {
      const ready = message<{ ready: true }>();
      child.send(client);
      await ready;
    },
  };
}

export interface Person {
  /** Logs in and consents. @returns the callback address, not yet visited */
  allow(authorizationUrl: string): Promise<string>;
  /** Follows the "Cancel" link of the first page. @returns the callback address, not yet visited */
  cancel(authorizationUrl: string): Promise<string>;
}

/** Somebody with a browser and a cookie jar on the provider's own pages. */
export function person(providerUrl: string, login: string): Person {
  const jar = new Map<string, string>();

  async function visit(
    url: string,
    form?: Record<string, string>,
  ): Promise<{ location: string | undefined; body: string }> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/u.exec(line) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    const location = answer.headers.get('location');
    const body = await answer.text();
    return { location: location === null ? undefined : new URL(location, url).href, body };
  }

  /** Walks through the pages until the provider sends the browser somewhere else. */
  async function walk(
    authorizationUrl: string,
    onPage: (body: string, url: string) => Parameters<typeof visit>,
  ): Promise<string> {
    let url = authorizationUrl;
    let next: Parameters<typeof visit> = [url];
    for (let step = 0; step < 12; step += 1) {
      const { location, body } = await visit(...next);
      if (location !== undefined && !location.startsWith(`${providerUrl}/`)) return location;
      url = location ?? url;
      next = location === undefined ? onPage(body, url) : [url];
    }
    throw new Error('The pages of the provider lead nowhere.');
  }

  const attribute = (body: string, pattern: RegExp, url: string): string => {
    const found = pattern.exec(body)?.[1];
    if (found === undefined) throw new Error(`Not the expected page: ${body}`);
    return new URL(found, url).href;
  };

  return {
    allow: (authorizationUrl) =>
      walk(authorizationUrl, (body, url) => {
        const action = attribute(body, /<form[^>]* action="([^"]+)"/u, url);
        const prompt = /name="prompt" value="(\w+)"/u.exec(body)?.[1] ?? '';
        return [action, { prompt, ...(prompt === 'login' ? { login, password: 'any' } : {}) }];
      }),
    cancel: (authorizationUrl) =>
      walk(authorizationUrl, (body, url) => [attribute(body, /href="([^"]+\/abort)"/u, url)]),
  };
}
