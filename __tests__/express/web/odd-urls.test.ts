import net from 'node:net';
import type { Sandbox } from '../../../src/testing';
import { startApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** The status line that a target gets as it stands; `fetch` would write it in another way. */
function raw(url: string, target: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), hostname, () => {
      socket.write(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`, 'latin1'));
    });
    let all = '';
    socket.on('data', (chunk) => (all += chunk.toString('latin1')));
    socket.on('close', () => resolve(all.split('\r\n')[0] ?? ''));
    socket.on('error', () => undefined);
  });
}

test.each([
  '/connect\\authorize#',
  '/connect/authorize\u00a0',
  'http://localhost/connect\\authorize',
  'http://localhost/connect/authorize',
])('what Express matches is ours: %j', async (target) => {
  const app = await startApp(sandbox);
  const plain = await startApp(sandbox, { routes: (_own, connect) => void connect.get('/never', () => undefined) });
  expect({ target, line: await raw(app.url, target) }).toEqual({ target, line: await raw(plain.url, target) });
});
