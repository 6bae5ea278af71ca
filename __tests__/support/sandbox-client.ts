import { request } from 'node:http';
import type { Sandbox } from 'express-connect-auth/testing';

/** A careless client: sends what a test tells it to. No part of the package is used to judge the sandbox. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** `text` as JSON; `{}` when it is none. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: Record<string, any>;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export const REDIRECT_URI = 'http://localhost:3000/connect/callback';

export function call(url: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (res) => {
      let text = '';
      res.setEncoding('latin1');
      res.on('data', (chunk: string) => (text += chunk));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text, body: parsed(text) }));
      res.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function parsed(text: string): Reply['body'] {
  try {
    return Object(JSON.parse(text)) as Reply['body'];
  } catch {
    return {};
  }
}

/** An authorization URL; `undefined` takes a parameter away. */
export function authorizationUrl(sandbox: Sandbox, parameters: Record<string, string | undefined> = {}): string {
  const url = new URL(sandbox.connectOptions.authorizeUrl);
  const all: Record<string, string | undefined> = {
    client_id: sandbox.connectOptions.clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: '*',
    ...parameters,
  };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

/** What the callback would get after "Allow". */
export async function signIn(
  sandbox: Sandbox,
  parameters: Record<string, string | undefined> = {},
): Promise<{ code: string; state: string | null; url: string }> {
  const url = await sandbox.allow(authorizationUrl(sandbox, parameters));
  const { searchParams } = new URL(url);
  return { code: searchParams.get('code') ?? '', state: searchParams.get('state'), url };
}

interface TokenCall {
  readonly headers?: Readonly<Record<string, string>>;
  readonly format?: 'json' | 'form';
}

/** A token request with the client's credentials in the body; `undefined` takes a field away. */
export function tokenCall(
  sandbox: Sandbox,
  fields: Record<string, string | undefined>,
  { headers = {}, format = 'json' }: TokenCall = {},
): Promise<Reply> {
  const { clientId, clientSecret, tokenUrl } = sandbox.connectOptions;
  const named: Record<string, string | undefined> = { client_id: clientId, client_secret: clientSecret, ...fields };
  const all = Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const body = format === 'json' ? JSON.stringify(Object.fromEntries(all)) : new URLSearchParams(all).toString();
  const type = format === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
  return call(tokenUrl, { method: 'POST', headers: { 'Content-Type': type, ...headers }, body });
}

export function exchange(
  sandbox: Sandbox,
  fields: Record<string, string | undefined>,
  options?: TokenCall,
): Promise<Reply> {
  return tokenCall(sandbox, { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI, ...fields }, options);
}

export function refresh(
  sandbox: Sandbox,
  refreshToken: string,
  fields: Record<string, string | undefined> = {},
  options?: TokenCall,
): Promise<Reply> {
  return tokenCall(sandbox, { grant_type: 'refresh_token', refresh_token: refreshToken, ...fields }, options);
}

export function api(sandbox: Sandbox, path: string, accessToken?: string, method = 'GET'): Promise<Reply> {
  const headers = accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` };
  return call(`${sandbox.apiBaseUrl}${path}`, { method, headers });
}

/** `Authorization: Basic` as RFC 6749 §2.3.1 builds it. */
export function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;
}
