/**
 * A token set as `req.session.connectToken` holds it. The names are the provider's own
 * (page "generate-access-token"), so that what its documentation says can be looked up here.
 */
export interface ConnectToken {
  access_token: string;
  refresh_token?: string;
  /** Seconds since 1970. Absent: the provider did not say, or said a moment already past. */
  expires_at?: number;
  /** Always `'bearer'` in this version. */
  type: string;
  /** Space-separated, if the provider said. */
  scope?: string;
}
