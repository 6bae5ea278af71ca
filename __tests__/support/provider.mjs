// A foreign authorization server as a child process: oidc-provider is an ES module, which jest does not load.
// Started with an IPC channel: tells its address, is told the client, says when it is ready.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const server = createServer();
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}` }));

process.once('message', ({ clientId, clientSecret, redirectUris }) => {
  const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: redirectUris,
        // Web clients: the redirect URI is compared exactly, port included.
        application_type: 'web',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['cookie signing key of the tests'] },
    ttl: { AccessToken: 1_800 },
  });
  server.on('request', provider.callback());
  process.send({ ready: true });
});

// The parent is gone: nobody is left to stop this process.
process.once('disconnect', () => process.exit());
