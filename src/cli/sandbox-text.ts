import { randomBytes } from 'node:crypto';
import type { Sandbox } from '../testing/sandbox';
import type { SandboxSwitches } from '../testing/switches';
import type { Paint } from './terminal';

/** What the sandbox command says once it listens. */
export interface Announcement {
  readonly sandbox: Pick<Sandbox, 'url' | 'connectOptions'>;
  readonly switches: Partial<SandboxSwitches>;
  readonly paint: Paint;
}

const REDIRECT_URI = 'http://localhost:3000/connect/callback';

/** Options to paste, as variables and as code; nothing before them on a line, so that they can be copied whole. */
export function announcement({ sandbox, switches, paint }: Announcement): string {
  const options = optionsFor(sandbox, switches);
  const variables = options.map(([name, value]) => `${variableOf(name)}=${quotedForEnv(String(value))}`);
  const members = options.map(
    ([name, value]) => `  ${name}: ${typeof value === 'boolean' ? value : quotedForCode(value)},`,
  );
  const set = Object.entries(switches).map(
    ([name, value]) => `${name} ${typeof value === 'object' ? value.required : value}`,
  );
  return [
    paint('bold', `The sandbox listens on ${sandbox.url}`),
    'It stands in for Appy Pie Connect on this machine only; its tokens are worth',
    'nothing anywhere else, and it forgets everything when it stops.',
    ...(set.length > 0 ? [`Switches: ${set.join(', ')}`] : []),
    '',
    paint('bold', 'To paste into .env, for connectAuth(connectOptionsFromEnv()):'),
    '',
    `SESSION_SECRET=${randomBytes(24).toString('base64url')}`,
    ...variables,
    '',
    'Start your app with node --env-file=.env app.mjs and open http://localhost:3000',
    '',
    paint('bold', 'Or to paste into code:'),
    '',
    'app.use(connectAuth({',
    ...members,
    '}));',
    '',
    paint('bold', 'Ctrl+C stops it.'),
    '',
  ].join('\n');
}

type Option = readonly [name: string, value: string | boolean];

/** The options that a sandbox with these switches needs: leave out those of a switch to see what fails without it. */
function optionsFor(sandbox: Announcement['sandbox'], switches: Partial<SandboxSwitches>): readonly Option[] {
  const { clientId, clientSecret, authorizeUrl, tokenUrl, apiBaseUrl } = sandbox.connectOptions;
  const { credentials, requestFormat, accessTokenKey, state, pkce } = switches;
  return [
    ['clientId', clientId],
    ['clientSecret', clientSecret],
    ['redirectUri', REDIRECT_URI],
    ['authorizeUrl', authorizeUrl],
    ['tokenUrl', tokenUrl],
    ['apiBaseUrl', apiBaseUrl],
    ...(typeof accessTokenKey === 'object' ? [['accessTokenKey', accessTokenKey.required] as const] : []),
    ...(credentials === 'body' ? [['clientAuthentication', 'body'] as const] : []),
    ...(requestFormat === 'form' ? [['requestFormat', 'form'] as const] : []),
    ...(state === 'drop' ? [['allowMissingState', true] as const] : []),
    ...(pkce === 'refused' ? [['pkce', false] as const] : []),
  ];
}

function variableOf(option: string): string {
  return `CONNECT_${option.replace(/[A-Z]/gu, (letter) => `_${letter}`).toUpperCase()}`;
}

/** A .env file has no escapes: the quote must be one that the value does not hold. In double quotes `\n` would be a newline. */
function quotedForEnv(value: string): string {
  if (/^[\w.:/-]*$/u.test(value)) return value;
  const quote = ["'", '`'].find((one) => !value.includes(one)) ?? '"';
  return quote + value + quote;
}

function quotedForCode(value: string): string {
  return `'${value.replace(/['\\]/gu, '\\$&')}'`;
}
