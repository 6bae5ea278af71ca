import type { Sandbox } from 'express-connect-auth/testing';
import type { Rehearsal } from './rehearsal';
import type { Trouble } from './troubles';

/** What came back at the end of a sign-in that the demo went through by itself. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Goes through sign-ins as a script would, by real HTTP to this demo and the sandbox. */
export interface Walker {
  /** A whole sign-in with the trouble in it, as a script with no cookies; asks for JSON. */
  walk(trouble: Trouble): Promise<Answer>;
  /** Begins a sign-in in a browser that is not the visitor's: a callback URL that belongs to somebody else. */
  foreignCallback(): Promise<string>;
  /**
   * Begins a sign-in with the visitor's own cookies, and uses its answer up by declining.
   * @returns that callback URL, and the cookies that the visitor's browser must take over
   */
  usedCallback(cookie: string): Promise<{ readonly url: string; readonly setCookies: readonly string[] }>;
}

/** Path under which sign-ins expire at once. */
export const HASTY_PREFIX = '/hasty';

/** @param address - origin of this demo, for example `http://localhost:3000` */
export function createWalker(address: string, sandbox: Sandbox, rehearsal: Rehearsal): Walker {
  async function walk(trouble: Trouble): Promise<Answer> {
    if (trouble.kind !== 'visitor') {
      const started = await begin('');
      return open(await sandbox.allow(started.location), `${started.cookie}; ${rehearsal.cookieFor(trouble)}`);
    }
    switch (trouble.act) {
      case 'declined': {
        const started = await begin('');
        return open(await sandbox.decline(started.location), started.cookie);
      }
      case 'foreign': {
        const mine = await begin('');
        return open(await foreignCallback(), mine.cookie);
      }
      case 'expired': {
        const started = await begin('', HASTY_PREFIX);
        const callback = await sandbox.allow(started.location);
        await new Promise((resolve) => setTimeout(resolve, 150));
        return open(callback, started.cookie);
      }
      case 'used': {
        const used = await usedCallback('');
        return open(used.url, cookieHeader('', used.setCookies));
      }
      case 'incomplete':
        return open(`${address}/connect/callback`, '');
    }
  }

  async function foreignCallback(): Promise<string> {
    return sandbox.allow((await begin('')).location);
  }

  async function usedCallback(cookie: string): Promise<{ url: string; setCookies: readonly string[] }> {
    const started = await begin(cookie);
    const url = await sandbox.decline(started.location);
    await open(url, started.cookie);
    return { url, setCookies: started.setCookies };
  }

  async function begin(cookie: string, prefix = ''): Promise<Started> {
    const response = await get(`${address}${prefix}/connect/authorize`, cookie);
    const location = response.headers.get('location');
    if (location === null) throw new Error(`The sign-in could not be started: HTTP ${response.status}`);
    const setCookies = response.headers.getSetCookie();
    return { location, setCookies, cookie: cookieHeader(cookie, setCookies) };
  }

  return { walk, foreignCallback, usedCallback };
}

interface Started {
  readonly location: string;
  readonly setCookies: readonly string[];
  readonly cookie: string;
}

/** The new cookies first: servers take the first of two with the same name. */
function cookieHeader(before: string, setCookies: readonly string[]): string {
  return [...setCookies.map((line) => line.split(';')[0] ?? ''), before].filter((pair) => pair !== '').join('; ');
}

async function open(url: string, cookie: string): Promise<Answer> {
  const response = await get(url, cookie);
  return { status: response.status, headers: new Map(response.headers), body: await response.text() };
}

function get(url: string, cookie: string): Promise<Response> {
  const headers = { Accept: 'application/json', ...(cookie === '' ? {} : { Cookie: cookie }) };
  return fetch(url, { redirect: 'manual', headers });
}
