import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { connectAuth, isConnectError } from '../../../src';

const sound = { clientId: 'client', clientSecret: 'secret', redirectUri: 'https://app.example/connect/callback' };

function messageFor(agent: http.Agent): string {
  try {
    connectAuth({ ...sound, agent });
  } catch (error) {
    if (isConnectError(error) && error.code === 'ERR_CONNECT_OPTIONS') return error.message;
    throw error;
  }
  return 'accepted';
}

/** Where agents of different makers keep the settings of their connections. */
const PLACES: readonly (readonly [string, (settings: object) => http.Agent])[] = [
  ['the settings of an https.Agent', (settings) => new https.Agent(settings)],
  ['options, put there later', (settings) => withMembers({ options: { ...new https.Agent().options, ...settings } })],
  ['the agent itself', (settings) => withMembers(settings)],
  ['connectOpts', (settings) => withMembers({ connectOpts: settings })],
  ['proxy', (settings) => withMembers({ proxy: { host: 'proxy.example', ...settings } })],
  ['options.connect', (settings) => new https.Agent({ connect: settings } as https.AgentOptions)],
  ['three objects deep', (settings) => withMembers({ settings: { tls: { connection: settings } } })],
  [
    'an object without a prototype',
    (settings) => withMembers({ tls: Object.assign(Object.create(null), settings) as object }),
  ],
  ['a list', (settings) => withMembers({ hops: [{ host: 'a.example' }, settings] })],
  ['an agent inside the agent', (settings) => withMembers({ httpsAgent: new https.Agent(settings) })],
  [
    'an agent that holds itself',
    (settings) => {
      const agent = withMembers({ settings });
      return Object.assign(agent, { self: agent });
    },
  ],
];

/** An agent as packages write them: one of node:http's with members of its own. */
function withMembers(members: object): http.Agent {
  return Object.assign(new https.Agent(), members);
}

test.each(PLACES)('an agent with rejectUnauthorized: false in %s is refused, and why is said', (_place, agentWith) => {
  expect(messageFor(agentWith({ rejectUnauthorized: false }))).toMatch(/\bagent \(.*rejectUnauthorized: false/);
});

test.each(PLACES)(
  'an agent with a checkServerIdentity of its own in %s is refused, and why is said',
  (_place, agentWith) => {
    expect(messageFor(agentWith({ checkServerIdentity: () => undefined }))).toMatch(/\bagent \(.*checkServerIdentity/);
  },
);

test.each(PLACES)('an agent that says in %s what is the default anyway is accepted', (_place, agentWith) => {
  const settings = { rejectUnauthorized: true, checkServerIdentity: tls.checkServerIdentity, ca: 'a certificate' };
  expect(messageFor(agentWith(settings))).toBe('accepted');
  expect(messageFor(agentWith({ rejectUnauthorized: undefined, checkServerIdentity: undefined }))).toBe('accepted');
});

test('an agent whose members cannot be read is accepted: what it does is looked at on each connection', () => {
  const agent = new https.Agent();
  Object.defineProperty(agent, 'lazy', {
    enumerable: true,
    get() {
      throw new Error('not yet');
    },
  });
  expect(messageFor(agent)).toBe('accepted');
});

/** As agent-base writes it: it looks at the stack for node:https, and says http: to everybody else. */
class ProtocolByStack extends http.Agent {
  get protocol(): string {
    return new Error().stack?.includes('node:https:') === true ? 'https:' : 'http:';
  }
  set protocol(_value: string) {
    // node:http sets it when it makes the agent.
  }
}

test('an agent that knows its protocol only while a request is made is accepted', () => {
  expect(messageFor(new ProtocolByStack())).toBe('accepted');
});

test('an agent of node:http, which can never serve https, is still refused', () => {
  expect(messageFor(new http.Agent())).toMatch(/\bagent \(expected an http\.Agent or https\.Agent that fits/);
});
