import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cleanup } from '../../support/cleanup';
import { packed, root } from '../../support/packed';
import { node } from './project';

/**
 * As pnpm installs: the package lies in a store with its own dependencies beside it, and the app finds only what it has
 * asked for itself. TypeScript follows the links, so axios and the parts of Express's types have no name in the app.
 */
function isolatedProject(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'isolated-')));
  cleanup(() => rmSync(folder, { recursive: true, force: true }));
  const stored = join(folder, 'store/node_modules');
  const app = join(folder, 'app');
  cpSync(join(__dirname, 'samples/typescript-declarations'), app, { recursive: true });
  cpSync(packed().folder, join(stored, 'express-connect-auth'), { recursive: true });
  const peers = ['express', '@types/express', '@types/express-session', '@types/node'];
  for (const name of ['axios', 'joi', ...peers]) link(join(root, 'node_modules', name), join(stored, name));
  for (const name of peers) link(join(root, 'node_modules', name), join(app, 'node_modules', name));
  link(join(stored, 'express-connect-auth'), join(app, 'node_modules/express-connect-auth'));
  return app;
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path, 'junction');
}

test('below pnpm an app that emits declarations may export clients, their answers, guards and handlers without naming their types', () => {
  const app = isolatedProject();
  const { status, output } = node([join(root, 'node_modules/typescript/bin/tsc'), '-p', app], app);
  expect(`${status} ${output}`).toBe('0 ');
  const declared = readFileSync(join(app, 'out/helpers.d.ts'), 'utf8');
  expect(declared).toContain('clientOf: (req: Request) => import("express-connect-auth").ConnectClient;');
  expect(declared).toContain(
    'me: (req: Request) => Promise<import("express-connect-auth").ConnectResponse<{\n    name: string;\n}>>;',
  );
});
