/**
 * What the provider's own pages show of its token endpoint, as facts: "Get an access token" and "Generate access token
 * from refresh token" (api.appypie.com/generate-access-token, /refresh-your-token). The names, the header, `expires_at`
 * and `type` are the samples'; where these print a placeholder, or leave characters out, stands a value of ours.
 */
export const PAGE = {
  method: 'POST',
  path: '/v1/oauth2/token',
  /** The placeholder itself, spaces included. */
  accessTokenKey: 'Access Token Key',
  contentType: 'application/json',
  clientId: 'CLIENT_ID',
  clientSecret: 'CLIENT_SECRET',
  code: 'CODE',
  /** The fields of the two requests, "all required", with the credentials in the body as in the sample. */
  exchangeFields: ['client_id', 'client_secret', 'redirect_uri', 'grant_type', 'code'],
  refreshFields: ['client_id', 'client_secret', 'refresh_token', 'grant_type'],
  /** The parameters of the authorization request (page "build-authorization-url"). */
  authorizeFields: ['client_id', 'redirect_uri', 'response_type', 'scope'],
  answer: {
    access_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.access.sample',
    refresh_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.refresh.sample',
    /** 18 January 2022: past for whoever reads it. */
    expires_at: 1_642_507_278,
    type: 'bearer',
  },
} as const;
