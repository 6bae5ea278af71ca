import { connectAuth } from '../../../src';

test.each([
  { clientId: 'id\ud800', clientSecret: 'secret' },
  { clientId: 'id', clientSecret: 'secret\ud800' },
  { clientId: 'id', clientSecret: 'secret', authorizeParams: { prompt: 'a\ud800' } },
])('connectAuth throws nothing but ConnectError: %j', (given) => {
  let thrown: unknown;
  try {
    connectAuth({ ...given, redirectUri: 'https://site.example/connect/callback' });
  } catch (error) {
    thrown = error;
  }
  expect(thrown === undefined || (thrown as Error).name === 'ConnectError').toBe(true);
});
