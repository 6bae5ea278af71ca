import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { emitApiCall, emitExchange, isHeardOf } from '../../../src/errors/emit';
import type { ConnectEvent } from '../../../src/errors/events';
import { cleanup } from '../../support/cleanup';

const CALL = { startedMs: 0, status: 200, error: undefined };
const API_CALL = { ...CALL, method: 'GET' };
const about = (): { connectionId: string; owner: undefined } => ({ connectionId: 'c', owner: undefined });

test('an event of success goes to the listener, and to subscribers, or is not put together', () => {
  const heard: ConnectEvent[] = [];
  const hear = (event: unknown): void => void heard.push(event as ConnectEvent);
  const emitBoth = (listener?: (event: ConnectEvent) => void): string[] => {
    heard.length = 0;
    emitExchange(listener, CALL);
    emitApiCall(listener, API_CALL, about);
    return heard.map(({ type }) => type);
  };
  expect([isHeardOf(undefined), emitBoth()]).toEqual([false, []]);
  expect([isHeardOf(hear), emitBoth(hear)]).toEqual([true, ['exchange', 'api_call']]);
  subscribe('express-connect-auth', hear);
  cleanup(() => {
    unsubscribe('express-connect-auth', hear);
  });
  expect([isHeardOf(undefined), emitBoth()]).toEqual([true, ['exchange', 'api_call']]);
});
