import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isHeardOf, SILENCE } from '../../../src/errors/emit';

test('events are put together for a listener and for subscribers, and not for silence', () => {
  const CHANNEL = 'express-connect-auth';
  const nobody = { nothing: isHeardOf(undefined), silence: isHeardOf(SILENCE) };
  const listener = isHeardOf(() => undefined);
  const note = (): void => undefined;
  subscribe(CHANNEL, note);
  const subscribed = { nothing: isHeardOf(undefined), silence: isHeardOf(SILENCE) };
  unsubscribe(CHANNEL, note);
  expect({ nobody, listener, subscribed }).toEqual({
    nobody: { nothing: false, silence: false },
    listener: true,
    subscribed: { nothing: true, silence: true },
  });
});
