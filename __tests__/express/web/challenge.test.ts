import { ConnectError } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { startSandbox } from '../../support/sandbox';
import { browser, withApp, type TestAppParts } from '../../support/app';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const parts: TestAppParts = {
  routes(app, connect) {
    app.get('/guarded', connect.requireConnect(), (_req, res) => void res.end('in'));
    app.get('/thrown', () => {
      throw new ConnectError('ERR_CONNECT_EXPIRED');
    });
    app.get('/declined', () => {
      throw new ConnectError('ERR_CONNECT_DENIED');
    });
  },
};

test('every 401 of ours, by the guard or the error handler, says how to authenticate; other answers do not', async () => {
  await withApp(sandbox, parts, async ({ url }) => {
    const challenge = async (path: string): Promise<readonly [number, string | undefined]> => {
      const { status, headers } = await browser().visit(url + path, { accept: 'application/json' });
      return [status, headers['www-authenticate']];
    };
    expect(await challenge('/guarded')).toEqual([401, 'Bearer']);
    expect(await challenge('/thrown')).toEqual([401, 'Bearer']);
    expect(await challenge('/declined')).toEqual([403, undefined]);
  });
});
