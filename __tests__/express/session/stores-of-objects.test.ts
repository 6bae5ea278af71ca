import type { Request } from 'express';
import type { SessionData } from 'express-session';
import type { ConnectToken, EncryptionKey } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { signIn, type TestAppParts } from '../../support/app';
import { findSecrets } from '../../support/find-secret';
import { ObjectStore } from '../../support/object-store';
import { givenRotation, refreshingApp, tokenIn, type Time, type Token, type World } from '../../support/refreshing';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const KEYS: readonly [EncryptionKey] = [{ id: 'k1', secret: 'a secret of the session, long enough for anybody' }];

const FORMS: readonly [string, (session: SessionData) => object][] = [
  ['the session itself', (session) => session],
  ['a copy of it', (session) => ({ ...session })],
  ['a structured clone', (session) => structuredClone({ ...session })],
  ['its entries', (session) => Object.fromEntries(Object.entries(session))],
];

const routes: NonNullable<TestAppParts['routes']> = (app) => {
  app.get('/write', (req, res) => {
    Object.assign(req.session, { user: 'v' });
    res.send('kept');
  });
  app.get('/carry', (req, res) => {
    const { connectToken } = req.session;
    req.session.regenerate(() => {
      Object.assign(req.session, { connectToken });
      res.send('carried');
    });
  });
  app.get('/import', (req: Request<unknown, unknown, unknown, Record<string, string>>, res) => {
    req.session.connectToken = { ...(req.session.connectToken as ConnectToken) };
    res.send('imported');
  });
};

const at = (world: World, path: string) => world.visitor.visit(world.app.url + path, { accept: 'application/json' });

const secretsOf = (tokens: readonly Token[]) =>
  tokens.flatMap(({ access_token, refresh_token }) => [
    { name: 'access token', value: access_token },
    { name: 'refresh token', value: refresh_token },
  ]);

describe.each(FORMS)('with encryptionKeys, a store that keeps %s', (_what, form) => {
  test.each([false, true])('never holds a token that is not sealed (touch() writes the session: %s)', async (whole) => {
    const store = new ObjectStore(form, whole);
    const world = await refreshingApp(sandbox, { store, routes, options: { encryptionKeys: KEYS } });
    await signIn(world.app, sandbox, world.visitor);
    const tokens = [tokenIn(await at(world, '/token'))];
    for (const path of ['/write', '/token', '/carry', '/token', '/import', '/token']) await at(world, path);
    expect(tokenIn(await at(world, '/token'))).toEqual(tokens[0]);
    time.pass(3_600_000);
    tokens.push(tokenIn(await world.fresh()));
    for (const path of ['/write', '/carry', '/import', '/token']) await at(world, path);
    expect(tokenIn(await at(world, '/token'))).toEqual(tokens[1]);
    expect({ refreshes: sandbox.calls.refresh, sessions: store.kept.size }).toEqual({ refreshes: 1, sessions: 1 });
    expect(store.history.at(-1)).toMatch(/^v2\.k1\..+\.1\.[\w-]{16}\.[\w-]+$/mu);
    expect(findSecrets(store.history.join('\n'), secretsOf(tokens))).toEqual([]);
  });
});
