// Who is measured: how a browser signs in there, and what a sign-in does and does not do. What is not done costs nothing,
// so the table says it.

/** All others are a ratio to this one. */
export const BASELINE = 'hand-written, node:http';
export const OURS = 'express-connect-auth';

/**
 * `file`: its wiring, in this folder. `begin`: the path that starts a sign-in; with `csrf` it is a form with that path's
 * token. `landing`: where a callback that succeeds leads. `lacks`: what of our list a sign-in leaves out, wired so.
 */
export const CONTENDERS = [
  {
    name: BASELINE,
    file: 'hand-written',
    begin: { path: '/login' },
    landing: '/',
    lacks: ['PKCE', 'state used up first', 'new session id', 'two tabs at once', 'refresh', 'disconnect'],
  },
  {
    name: 'the same, careful',
    file: 'careful',
    begin: { path: '/login' },
    landing: '/',
    lacks: ['PKCE', 'two tabs at once', 'refresh', 'disconnect'],
  },
  {
    name: 'the same, careful, behind axios with a lean adapter',
    file: 'careful-axios',
    begin: { path: '/login' },
    landing: '/',
    lacks: ['PKCE', 'two tabs at once', 'refresh', 'disconnect'],
  },
  {
    name: 'grant',
    file: 'grant',
    begin: { path: '/connect/bench' },
    landing: '/hello',
    lacks: [
      'PKCE (an option)',
      'state used up first',
      'new session id',
      'two tabs at once',
      'return to a page',
      'refresh',
      'disconnect',
    ],
  },
  {
    name: 'passport + passport-oauth2',
    file: 'passport',
    begin: { path: '/login' },
    landing: '/',
    lacks: ['PKCE (an option)', 'state used up in the store first', 'two tabs at once', 'refresh', 'revoking'],
  },
  {
    name: 'simple-oauth2 by hand',
    file: 'simple-oauth2',
    begin: { path: '/login' },
    landing: '/',
    lacks: [
      'PKCE',
      'keep its sockets to the provider (cannot)',
      'state used up first',
      'new session id',
      'two tabs at once',
      'refresh shared by requests',
      'disconnect',
    ],
  },
  {
    name: 'openid-client by hand',
    file: 'openid-client',
    begin: { path: '/login' },
    landing: '/',
    lacks: [
      'state (PKCE instead)',
      'verifier used up first',
      'new session id',
      'two tabs at once',
      'refresh shared by requests',
      'disconnect',
    ],
  },
  {
    name: 'express-openid-connect',
    file: 'express-openid-connect',
    begin: { path: '/login' },
    landing: '/',
    lacks: ['sessions on the server (an option)', 'two tabs at once', 'refresh shared by requests'],
    adds: ['a signed ID token is verified'],
  },
  {
    name: '@auth/express',
    file: 'auth-express',
    begin: { path: '/auth/signin/bench', csrf: '/auth/csrf' },
    landing: '/',
    lacks: ['state (PKCE instead)', 'sessions on the server (with a database)', 'two tabs at once', 'refresh'],
    adds: ['a CSRF token for the start of a sign-in', 'the profile is fetched'],
  },
  {
    name: OURS,
    file: 'express-connect-auth',
    begin: { path: '/connect/authorize' },
    landing: '/',
    lacks: ['ID tokens'],
  },
];

/** By name. */
export function contender(name) {
  return CONTENDERS.find((one) => one.name === name);
}
