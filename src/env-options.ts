import { ConnectError } from './errors';
import type { ConnectAuthOptions } from './options';
import type { EncryptionKey } from './seal';

/** `id:secret`. No blanks: one behind a comma or at the end of a line would silently make another key. */
const KEY = /^([A-Za-z0-9_-]{1,32}):([\x21-\x7e]+)$/u;

/** Whether the quotes that a value was written in are still around it. */
export function isQuoted(value: string): boolean {
  return /^(["'`]).*\1$/su.test(value);
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Makes options from environment variables, as `.env.example` lists them. The only place that reads an environment.
 * An empty value is unset. `connectAuth()` still validates the result.
 * @param env - defaults to `process.env`
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming each required variable that is unset and each that cannot be read
 */
export function connectOptionsFromEnv(env: Env = process.env): ConnectAuthOptions {
  const bad: string[] = [];
  const quoted: string[] = [];
  const text = (name: string): string | undefined => {
    const value = env[name];
    if (value !== undefined && isQuoted(value)) quoted.push(name);
    return value === '' ? undefined : value;
  };
  const required = (name: string): string => {
    const value = text(name);
    if (value === undefined) bad.push(name);
    return value ?? '';
  };
  const flag = (name: string): boolean | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (value !== 'true' && value !== 'false') bad.push(name);
    return value === 'true';
  };
  const wholeNumber = (name: string): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,9}$/u.test(value)) bad.push(name);
    return Number(value);
  };
  const choice = <T extends string>(name: string, ...allowed: readonly T[]): T | undefined => {
    const value = text(name);
    const chosen = allowed.find((one) => one === value);
    if (value !== undefined && chosen === undefined) bad.push(name);
    return chosen;
  };
  const list = (name: string): readonly string[] | undefined =>
    text(name)
      ?.split(',')
      .map((part) => part.trim());
  const keys = (name: string): readonly EncryptionKey[] | undefined => {
    const pairs = text(name)
      ?.split(',')
      .map((pair) => KEY.exec(pair));
    if (pairs?.includes(null)) bad.push(name);
    return pairs?.map((pair) => ({ id: pair?.[1] ?? '', secret: pair?.[2] ?? '' }));
  };
  const options = {
    clientId: required('CONNECT_CLIENT_ID'),
    clientSecret: required('CONNECT_CLIENT_SECRET'),
    redirectUri: required('CONNECT_REDIRECT_URI'),
    scope: text('CONNECT_SCOPE'),
    accessTokenKey: text('CONNECT_ACCESS_TOKEN_KEY'),
    clientAuthentication: choice('CONNECT_CLIENT_AUTHENTICATION', 'header', 'body'),
    requestFormat: choice('CONNECT_REQUEST_FORMAT', 'json', 'form'),
    pkce: flag('CONNECT_PKCE'),
    allowMissingState: flag('CONNECT_ALLOW_MISSING_STATE'),
    issuer: text('CONNECT_ISSUER'),
    authorizeUrl: text('CONNECT_AUTHORIZE_URL'),
    tokenUrl: text('CONNECT_TOKEN_URL'),
    apiBaseUrl: text('CONNECT_API_BASE_URL'),
    afterConnect: text('CONNECT_AFTER_CONNECT'),
    afterDisconnect: text('CONNECT_AFTER_DISCONNECT'),
    allowedOrigins: list('CONNECT_ALLOWED_ORIGINS'),
    refreshLeewaySeconds: wholeNumber('CONNECT_REFRESH_LEEWAY_SECONDS'),
    encryptionKeys: keys('CONNECT_ENCRYPTION_KEYS'),
    timeoutMs: wholeNumber('CONNECT_TIMEOUT_MS'),
    storeTimeoutMs: wholeNumber('CONNECT_STORE_TIMEOUT_MS'),
    maxApiAnswerBytes: wholeNumber('CONNECT_MAX_API_ANSWER_BYTES'),
  };
  if (bad.length > 0 || quoted.length > 0) {
    throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: complaint(bad, quoted) });
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as ConnectAuthOptions;
}

function complaint(bad: readonly string[], quoted: readonly string[]): string {
  const kept = `These hold quotes around their value, which Docker's --env-file and others keep: ${quoted.join(', ')}. `;
  const others = bad.filter((name) => !quoted.includes(name));
  const needed = `connectOptionsFromEnv() needs usable values for these variables: ${[...quoted, ...others].join(', ')}. `;
  return `${needed}${quoted.length === 0 ? '' : kept}See .env.example.`;
}
