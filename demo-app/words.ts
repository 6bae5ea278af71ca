/**
 * How long a token is still good for, as a person would say it.
 * @param expiresAtSeconds - seconds since 1970; absent when the provider did not say
 * @param nowMs - milliseconds since 1970
 */
export function timeLeft(expiresAtSeconds: number | undefined, nowMs: number): string {
  if (expiresAtSeconds === undefined) return 'the provider did not say';
  const seconds = expiresAtSeconds - nowMs / 1000;
  if (seconds <= 0) return 'expired';
  if (seconds < 60) return 'less than a minute';
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return counted(minutes, 'minute');
  const hours = Math.round(seconds / 3600);
  if (hours < 36) return `about ${counted(hours, 'hour')}`;
  return `about ${counted(Math.round(seconds / 86_400), 'day')}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
