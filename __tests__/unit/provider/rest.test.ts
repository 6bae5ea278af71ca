import { ConnectError } from '../../../src/errors/connect-error';
import { endpointRest, type Rest } from '../../../src/provider/token/rest';

const limited = (retryAfterSeconds?: number): ConnectError =>
  new ConnectError('ERR_CONNECT_RATE_LIMITED', {
    stage: 'refresh',
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });

/** Seconds that are left of the rest; undefined: none. */
function left(rest: Rest): number | undefined {
  try {
    rest.check('refresh');
    return undefined;
  } catch (error) {
    return error instanceof ConnectError ? error.retryAfterSeconds : undefined;
  }
}

let nowMs: number;
beforeEach(() => {
  nowMs = 1_000_000;
  jest.spyOn(Date, 'now').mockImplementation(() => nowMs);
});
afterEach(() => jest.mocked(Date.now).mockRestore());

test('a later 429 makes a rest longer, and never shorter', () => {
  const rest = endpointRest();
  rest.heed(limited(60));
  rest.heed(limited(10));
  rest.heed(limited());
  expect(left(rest)).toBe(60);
  rest.heed(limited(90));
  nowMs += 30_000;
  expect(left(rest)).toBe(60);
  nowMs += 60_000;
  expect(left(rest)).toBeUndefined();
});

test('a clock that is set back ends a rest, and the next 429 begins one', () => {
  const rest = endpointRest();
  rest.heed(limited(60));
  nowMs -= 1;
  expect(left(rest)).toBeUndefined();
  rest.heed(limited(5));
  expect(left(rest)).toBe(5);
});
