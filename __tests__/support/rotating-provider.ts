import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { cleanup } from './cleanup';
import { person } from './foreign-provider';

/** oidc-provider behind a shim, in a process of its own: rotates, and ends a connection when a used token comes again. */
export interface RotatingProvider {
  /** For `connectAuth({ ...provider.connectOptions, redirectUri })`; plain data, fit for another process. */
  readonly connectOptions: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly authorizeUrl: string;
    readonly tokenUrl: string;
    readonly apiBaseUrl: string;
  };
  /** Signs a new person in and consents, over HTTP. @returns the callback address, not yet visited */
  allow(authorizationUrl: string): Promise<string>;
  /** How often this refresh token has come to the token endpoint, whatever became of it. */
  presentations(refreshToken: string): Promise<number>;
  /** Over all refresh tokens that came. */
  summary(): Promise<{
    readonly refreshTokens: number;
    readonly presentations: number;
    readonly presentedTwice: number;
  }>;
  /** Whether this access token opens the API now. */
  works(accessToken: string): Promise<boolean>;
  /** Puts its clock so many seconds ahead of the machine's. */
  clockAhead(seconds: number): Promise<void>;
}

/**
 * Starts it on a free loopback port, for redirect addresses on 127.0.0.1; it ends with the test or the file that starts it.
 * Its access tokens live for an hour.
 */
export async function startRotatingProvider(): Promise<RotatingProvider> {
  const child = fork(join(__dirname, 'rotating-server.mjs'), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaints = '';
  child.stderr?.on('data', (text: Buffer) => (complaints += String(text)));
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  cleanup(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const { url, clientId, clientSecret } = await new Promise<{ url: string; clientId: string; clientSecret: string }>(
    (resolve, reject) => {
      child.once('message', (told) => {
        resolve(told as { url: string; clientId: string; clientSecret: string });
      });
      void ended.then(() => {
        reject(new Error(`oidc-provider ended: ${complaints}`));
      });
    },
  );
  const apiBaseUrl = `${url}/api/v2/integrations`;

  async function counts(): Promise<ReadonlyMap<string, number>> {
    const answer = await fetch(`${url}/control/presentations`);
    return new Map((await answer.json()) as [string, number][]);
  }

  return {
    connectOptions: {
      clientId,
      clientSecret,
      authorizeUrl: `${url}/oAuth/authorize`,
      tokenUrl: `${url}/v1/oauth2/token`,
      apiBaseUrl,
    },
    allow: (authorizationUrl) => person(url, `visitor-${randomBytes(6).toString('hex')}`).allow(authorizationUrl),
    presentations: async (refreshToken) => (await counts()).get(refreshToken) ?? 0,
    async summary() {
      const all = [...(await counts()).values()];
      return {
        refreshTokens: all.length,
        presentations: all.reduce((sum, count) => sum + count, 0),
        presentedTwice: all.filter((count) => count > 1).length,
      };
    },
    async works(accessToken) {
      return (await fetch(`${apiBaseUrl}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status === 200;
    },
    async clockAhead(seconds) {
      await fetch(`${url}/control/clock?ahead=${seconds}`);
    },
  };
}
