import type { Sandbox } from '../../../src/testing';
import { startSandbox } from '../../support/sandbox';
import { exchange, signIn } from '../../support/sandbox-client';

/** What our own tests count on: a fault that one of them planned and did not use never meets the next one. */

let sandbox: Sandbox;
beforeAll(async () => (sandbox = await startSandbox()));

test.each(['first', 'second'])(
  'the %s of two tests that plan more faults than they use meets only its own',
  async () => {
    const before = await exchange(sandbox, { code: (await signIn(sandbox)).code });
    sandbox.force(500, { on: 'exchange', times: 3 });
    const after = await exchange(sandbox, { code: (await signIn(sandbox)).code });
    expect({ before: before.status, after: after.status, calls: sandbox.calls.exchange }).toEqual({
      before: 200,
      after: 500,
      calls: 2,
    });
  },
);
