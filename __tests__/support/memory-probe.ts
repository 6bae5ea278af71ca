// Runs in a bare node process, so that nothing but the token client uses its memory. Configuration comes by environment.
import { tokenEndpoint } from '../../src/provider/token/token-endpoint';

const CALLS = 6;

async function probe(): Promise<void> {
  const endpoint = tokenEndpoint({
    clientId: 'client',
    clientSecret: 'secret',
    tokenUrl: process.env['TOKEN_URL'] ?? '',
    clientAuthentication: 'header',
    requestFormat: 'json',
    timeoutMs: 2_000,
    statusByApiCode: {},
  });
  const outcomes: string[] = [];
  const call = async (): Promise<void> => {
    outcomes.push(
      await endpoint
        .exchange({ code: 'code', redirectUri: 'http://127.0.0.1/connect/callback', codeVerifier: undefined })
        .then(
          () => 'token',
          (error: unknown) => (error as { code: string }).code,
        ),
    );
  };
  // The first call loads and compiles; what it needs is not the answer's doing.
  await call();
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 2);
  for (let made = 1; made < CALLS; made += 1) await call();
  clearInterval(watch);
  process.stdout.write(JSON.stringify({ outcomes, grownMiB: (most - before) / 2 ** 20 }));
}

void probe();
