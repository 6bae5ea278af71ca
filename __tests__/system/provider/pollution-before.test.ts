import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { cleanup } from '../../support/cleanup';
import { configFor, http11, startServer, TEST_CERT } from '../../support/local-server';
import { compiledModules } from '../../support/packed';

/** A text is all that a polluting JSON document can give; `ca` decides whom TLS trusts. */
const SCRIPT = `
  const { mode, config, ca } = JSON.parse(process.env.GIVEN);
  const pollute = () => { Object.prototype.ca = ca; };
  if (mode === 'before this package is loaded') pollute();
  const { tokenEndpoint } = require('./dist/provider/token/token-endpoint.js');
  if (mode === 'after') pollute();
  // Hardening guides advise to remove it.
  if (mode === 'after the removal of __proto__') { delete Object.prototype.__proto__; pollute(); }
  tokenEndpoint(config).exchange({ code: 'code', redirectUri: 'http://127.0.0.1/connect/callback' })
    .then((token) => console.log(token.access_token), (error) => console.log(error.code, error.reason));
`;

test.each(['after', 'before this package is loaded', 'after the removal of __proto__'])(
  'an authority on Object.prototype, put there %s, is not trusted',
  async (mode) => {
    const server = await startServer((socket) => socket.write(http11()), true);
    cleanup(() => server.close());
    const config = configFor(server.url.replace('127.0.0.1', 'localhost'));
    const child = spawn(process.execPath, ['-e', SCRIPT], {
      cwd: compiledModules(),
      env: { PATH: process.env.PATH, GIVEN: JSON.stringify({ mode, config, ca: TEST_CERT }) },
    });
    const [output] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    expect({ output: output.trim(), requests: server.requests.length }).toEqual({
      output: 'ERR_CONNECT_UNAVAILABLE unreachable',
      requests: 0,
    });
  },
);
