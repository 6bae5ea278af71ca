import type { ConnectEvent, EndedReason } from 'express-connect-auth';

/**
 * How long a token is still good for, as a person would say it.
 * @param expiresAtSeconds - seconds since 1970; absent when the provider did not say
 * @param nowMs - milliseconds since 1970
 */
export function timeLeft(expiresAtSeconds: number | undefined, nowMs: number): string {
  if (expiresAtSeconds === undefined) return 'the provider did not say';
  const seconds = expiresAtSeconds - nowMs / 1000;
  if (seconds <= 0) return 'expired';
  if (seconds < 90) return counted(Math.ceil(seconds), 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return counted(minutes, 'minute');
  const hours = Math.round(seconds / 3600);
  if (hours < 36) return `about ${counted(hours, 'hour')}`;
  return `about ${counted(Math.round(seconds / 86_400), 'day')}`;
}

/** `1 request`, `2 requests`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const WHY_ENDED: Readonly<Record<EndedReason, string>> = {
  invalid_grant: 'the provider has ended it',
  lost_response: 'an answer from the provider was lost',
  refused: 'the provider has refused it for a day',
  disconnected: 'disconnected by the user',
  replaced: 'replaced by a newer sign-in',
};

/** Why a connection is over. */
export function endedInWords(reason: EndedReason): string {
  return WHY_ENDED[reason];
}

/**
 * A moment by the clock of this machine, with its day unless that is today.
 * @param nowMs - milliseconds since 1970
 */
export function moment(at: Date, nowMs: number): string {
  const day = at.toDateString();
  const time = at.toTimeString().slice(0, 8);
  return day === new Date(nowMs).toDateString() ? time : `${day}, ${time}`;
}

/** An event in words: what happened, and what is worth knowing about it. */
export function eventInWords(event: ConnectEvent): readonly [what: string, more: string] {
  switch (event.type) {
    case 'exchange':
      return ['Code exchanged', `the provider answered ${outcomeInWords(event)}`];
    case 'api_call':
      return ['API called', `${event.method}: ${outcomeInWords(event)}`];
    case 'connected':
      return ['Connected', 'the sign-in is complete'];
    case 'refreshed':
      return ['Refreshed', `token ${event.generation + 1} of this connection, after ${event.durationMs} ms`];
    case 'adopted':
      return ['Adopted', `token ${event.generation + 1}, fetched by another request`];
    case 'refresh_failed':
      return ['Refresh failed', `${event.kind}, ${event.code}`];
    case 'disconnected':
      return ['Disconnected', 'for good'];
    case 'ended':
      return ['Ended', endedInWords(event.reason)];
    case 'ledger_error':
      return ['Ledger unavailable', `at ${event.operation}`];
    case 'ledger_forgot':
      return ['Ledger full', `${counted(event.count, event.what)} forgotten`];
    case 'error':
      return ['Error', `${event.status} ${event.code}, reference ${event.reference}`];
  }
}

/** What came of a call to the provider. */
function outcomeInWords(event: Extract<ConnectEvent, { type: 'exchange' | 'api_call' }>): string {
  return `${event.status ?? 'no answer'} in ${event.durationMs} ms${event.code === undefined ? '' : `, ${event.code}`}`;
}
