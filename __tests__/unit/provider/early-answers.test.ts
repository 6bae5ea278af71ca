import * as http from 'node:http';
import * as net from 'node:net';
import { nodeTransport } from '../../../src/provider/http/transport';
import { serve } from '../../support/serve';

/** More than the buffers of a connection hold. */
const UPLOAD = Buffer.alloc(32 * 1024 * 1024);

test('an answer to an upload that the server does not read any more ends the connection, and what is left to send', async () => {
  // Whatever comes after the headers stays unread.
  const server = http.createServer((req, res) => {
    req.pause();
    res.writeHead(413).end('{"code":413}');
  });
  const { url } = await serve(server);
  const connections: net.Socket[] = [];
  const agent = new http.Agent({ keepAlive: true });
  Object.assign(agent, {
    createConnection(options: net.NetConnectOpts) {
      const connection = net.connect(options);
      connections.push(connection);
      return connection;
    },
  });
  const send = nodeTransport({ timeoutMs: 60_000, agent });
  const result = await send({ url, method: 'POST', headers: {}, body: UPLOAD, mayRepeat: false, signal: undefined });
  expect(result).toMatchObject({ kind: 'answer', answer: { status: 413, body: '{"code":413}' } });
  expect(connections.map(({ destroyed }) => destroyed)).toEqual([true]);
});
