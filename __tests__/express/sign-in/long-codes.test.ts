import type { ErrorRequestHandler } from 'express';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, withApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

/** Node itself takes requests of 16 KiB, headers included, unless it is told otherwise. */
const server = { maxHeaderSize: 65_536 };

async function comeBackWith(
  length: number,
): Promise<{ status: number; body: Record<string, unknown>; tokenCalls: number }> {
  let answer = { status: 0, body: '' };
  const messages: string[] = [];
  const options = { renderErrors: false };
  await withApp(
    sandbox,
    {
      server,
      options,
      routes: (app) => {
        const note: ErrorRequestHandler = (error: Error, _req, _res, next) => {
          messages.push(error.message);
          next(error);
        };
        app.use(note);
      },
    },
    async (app) => {
      const visitor = browser();
      const callback = new URL(await beginSignIn(app, sandbox, visitor));
      callback.searchParams.set('code', 'c'.repeat(length));
      answer = await visitor.visit(callback.href, { accept: 'application/json' });
    },
  );
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  return { status: answer.status, body: { ...body, message: messages[0] }, tokenCalls: sandbox.calls.exchange };
}

test.each([2049, 8000, 16_384])('the provider is asked about a code of %i characters', async (length) => {
  expect(await comeBackWith(length)).toMatchObject({ status: 400, body: { code: 'ERR_CONNECT_GRANT' }, tokenCalls: 1 });
});

test.each([16_385, 20_000])(
  'a code of %i characters is refused by us, and the message names the size',
  async (length) => {
    expect(await comeBackWith(length)).toMatchObject({
      status: 400,
      body: {
        code: 'ERR_CONNECT_CALLBACK',
        reason: 'parameters',
        message: expect.stringContaining(`code has ${length} characters; at most 16384 are accepted`) as string,
      },
      tokenCalls: 0,
    });
  },
);
