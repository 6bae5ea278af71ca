import { MemoryStore } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import { browser } from '../../support/app';
import { connectedWorld, givenRotation, latch, refreshingApp, tokenIn, type Time } from '../../support/refreshing';
import { onlySession } from '../../support/stored';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const DAY_MS = 86_400_000;
const KEYS = [{ id: 'k1', secret: 'a secret of the session, long enough for anybody' }];

describe.each([
  ['plain', {}],
  ['sealed', { encryptionKeys: KEYS }],
])('with a %s token', (_kind, options) => {
  test.each([
    ['resave', { resave: true }, false],
    ['resave and rolling', { resave: true, rolling: true }, false],
    ['resave, rolling and a cookie that runs out', { resave: true, rolling: true, cookie: { maxAge: DAY_MS } }, false],
    ['a change of its own', { resave: false }, true],
    ['a change of its own and rolling', { resave: false, rolling: true, cookie: { maxAge: DAY_MS } }, true],
  ])(
    'an event stream that ends after a refresh, with %s, leaves the token that was served last to the next process',
    async (_how, session, changes) => {
      const gate = latch();
      const store = new MemoryStore();
      const parts = { store, session, options };
      const before = await connectedWorld(sandbox, {
        ...parts,
        routes: (app) => {
          app.get('/events', (req, res, next) => {
            res.writeHead(200, { 'content-type': 'text/event-stream' });
            res.write(':\n\n');
            gate.wait().then(() => {
              if (changes) Object.assign(req.session, { seen: 'all' });
              res.end();
            }, next);
          });
        },
      });
      const streaming = browser(before.visitor.cookies).visit(`${before.app.url}/events`);
      await gate.reached;
      time.pass(3_600_000);
      const served = tokenIn(await before.fresh());
      gate.open();
      await streaming;
      // The process ends, and its ledger with it.
      const after = await refreshingApp(sandbox, parts, before.visitor);
      expect(tokenIn(await after.fresh())).toEqual(served);
      time.pass(3_600_000);
      expect(sandbox.works(tokenIn(await after.fresh()).access_token)).toBe(true);
      expect({
        refreshCalls: sandbox.calls.refresh,
        presentations: sandbox.presentations(served.refresh_token),
      }).toEqual({ refreshCalls: 2, presentations: 1 });
      expect(await onlySession(after.app)).toMatchObject(changes ? { seen: 'all' } : {});
    },
  );
});
