/**
 * Where a visitor is sent to give consent. The path is camel-case as documented
 * (api.appypie.com, page "build-authorization-url").
 */
export const AUTHORIZE_URL = 'https://connectcloud.appypie.com/oAuth/authorize';

/**
 * Where codes and refresh tokens are presented, by POST for both grants
 * (api.appypie.com, pages "generate-access-token" and "refresh-your-token").
 */
export const TOKEN_URL = 'https://connectcloud.appypie.com/v1/oauth2/token';

/** Base address of the Connect API (api.appypie.com, page "get-profile"). */
export const API_BASE_URL = 'https://developer.appypie.com/api/v2/integrations';
