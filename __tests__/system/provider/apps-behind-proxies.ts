import type http from 'node:http';
import type { Sandbox } from '../../../src/testing';
import { startApp } from '../../support/app';

/** What the process is told: the addresses of the two proxies and of the provider. */
export interface Surroundings {
  readonly connectProxy: string;
  readonly socksProxy: string;
  readonly options: Sandbox['connectOptions'];
}

type Agent = new (proxy: unknown) => http.Agent;

/** Agents for proxies as people make them: with nothing but the address. */
const AGENTS: Readonly<Record<string, (given: Surroundings) => Promise<http.Agent>>> = {
  'https-proxy-agent 5': async ({ connectProxy }) => {
    const { default: HttpsProxyAgent } = (await import('https-proxy-agent-5')) as unknown as { default: Agent };
    return new HttpsProxyAgent(connectProxy);
  },
  'https-proxy-agent 7': async ({ connectProxy }) => {
    const { HttpsProxyAgent } = await import('https-proxy-agent-7');
    return new HttpsProxyAgent(connectProxy);
  },
  'https-proxy-agent 9': async ({ connectProxy }) => {
    const { HttpsProxyAgent } = await import('https-proxy-agent-9');
    return new HttpsProxyAgent(connectProxy);
  },
  'proxy-agent': async ({ connectProxy }) => {
    const { ProxyAgent } = await import('proxy-agent');
    return new ProxyAgent({ getProxyForUrl: () => connectProxy });
  },
  'socks-proxy-agent': async ({ socksProxy }) => {
    const { SocksProxyAgent } = await import('socks-proxy-agent');
    return new SocksProxyAgent(socksProxy);
  },
};

/** Starts an app for each agent. */
async function startApps(given: Surroundings): Promise<Readonly<Record<string, string>>> {
  const started = Object.entries(AGENTS).map(async ([name, agentFor]) => {
    const agent = await agentFor(given);
    const { url } = await startApp(
      { connectOptions: given.options },
      {
        options: { agent },
        before: [
          (req, _res, next) => {
            if (req.query['expired'] !== undefined) Object.assign(req.session.connectToken ?? {}, { expires_at: 1 });
            next();
          },
        ],
        routes: (app, connect) => {
          app.get('/me', (req, res, next) => {
            connect
              .client(req)
              .get<unknown>('/me')
              .then(({ data }) => void res.json(data), next);
          });
        },
      },
    );
    return [name, url] as const;
  });
  return Object.fromEntries(await Promise.all(started));
}

process.once('message', (given: Surroundings) => {
  startApps(given).then(
    (urls) => process.send?.(urls),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());
