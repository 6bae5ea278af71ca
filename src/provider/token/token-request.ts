/** The options from which a token request is made. */
export interface TokenRequestConfig {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The integrator's own developer key; the `ACCESSTOKEN` header is sent only if it is set. */
  readonly accessTokenKey?: string | undefined;
  readonly clientAuthentication: 'header' | 'body';
  readonly requestFormat: 'json' | 'form';
}

/** What an authorization code is redeemed with. */
export interface CodeGrant {
  /** As the callback brought it. */
  readonly code: string;
  /** As in the authorization request (RFC 6749 §4.1.3). */
  readonly redirectUri: string;
  /** Of PKCE (RFC 7636 §4.5); undefined where that is off. */
  readonly codeVerifier: string | undefined;
}

/** A grant as the provider's tables name its fields (pages "generate-access-token", "refresh-your-token"). */
export type Grant =
  | ({ readonly grant_type: 'authorization_code' } & CodeGrant)
  | { readonly grant_type: 'refresh_token'; readonly refresh_token: string };

/** Headers and body of one token request; the secret is in exactly one of the two. */
export interface WrittenRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Writes the token request for a grant: only the code or token in it comes from the visitor's request. */
export type WriteTokenRequest = (grant: Grant) => WrittenRequest;

/** Makes what all token requests of an app have in common. */
export function tokenRequests(config: TokenRequestConfig): WriteTokenRequest {
  const json = config.requestFormat === 'json';
  const client = clientFields(config);
  const headers = Object.freeze({
    Accept: 'application/json',
    'Accept-Encoding': 'identity',
    'Content-Type': json ? 'application/json' : 'application/x-www-form-urlencoded',
    'User-Agent': 'express-connect-auth',
    ...(config.clientAuthentication === 'header' ? { Authorization: `Basic ${basicCredentials(config)}` } : {}),
    ...(config.accessTokenKey === undefined ? {} : { ACCESSTOKEN: config.accessTokenKey }),
  });
  return function tokenRequest(grant) {
    const fields = client();
    addGrant(fields, grant);
    return { headers, body: json ? JSON.stringify(fields) : new URLSearchParams(fields).toString() };
  };
}

type TokenFields = Record<string, string>;

/** The documented table requires `client_id` in the body, wherever the secret is. */
function clientFields({ clientId, clientSecret, clientAuthentication }: TokenRequestConfig): () => TokenFields {
  return clientAuthentication === 'header'
    ? () => ({ client_id: clientId })
    : () => ({ client_id: clientId, client_secret: clientSecret });
}

function addGrant(fields: TokenFields, grant: Grant): void {
  fields['grant_type'] = grant.grant_type;
  if (grant.grant_type === 'refresh_token') {
    fields['refresh_token'] = grant.refresh_token;
    return;
  }
  fields['code'] = grant.code;
  fields['redirect_uri'] = grant.redirectUri;
  if (grant.codeVerifier !== undefined) fields['code_verifier'] = grant.codeVerifier;
}

/** RFC 6749 §2.3.1: both parts are form-encoded before base64; otherwise a `:` or `%` in them would be misread. */
export function basicCredentials({
  clientId,
  clientSecret,
}: Pick<TokenRequestConfig, 'clientId' | 'clientSecret'>): string {
  return Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64');
}

function formEncoded(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}
