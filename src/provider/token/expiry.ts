/** From here on a number is milliseconds since 1970; below, seconds. As seconds this would be the year 5138. */
const MILLISECONDS_FROM = 1e11;
/** From here on a number is a moment; below, a duration in seconds. As a duration this would be 31 years. */
const MOMENT_FROM = 1e9;
/** 9999-12-31T23:59:59Z: what `Date` and most databases can write with four digits. */
const LAST_SECOND = 253_402_300_799;

const NUMERIC = /^\d{1,16}(?:\.\d{1,9})?$/;
const ISO_MOMENT = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?$/i;

/** The two members of a token answer that may say when it expires. */
export interface ExpiryFields {
  readonly expires_at?: unknown;
  readonly expires_in?: unknown;
}

/**
 * Reads when a token expires, as whole seconds since 1970, before the year 10000; undefined if the answer does not say.
 * A time that has passed already, as in the documented sample of 2022, is given if there is no better one: unchanged,
 * because nothing says what was meant.
 *
 * `expires_at` is documented as Unix seconds (page "generate-access-token"). It is read leniently, first `expires_at`,
 * then `expires_in`: ≥ 1e11 milliseconds, ≥ 1e9 seconds, below that a duration in seconds; as a number, a numeric
 * string or an ISO 8601 moment, which is UTC unless it names a zone. A moment is by the provider's clock, and is
 * converted to the local one; a duration is counted from now.
 * @param nowMs - milliseconds since 1970 by the local clock
 * @param skewMs - how far the provider's clock is ahead of the local one, in milliseconds
 */
export function readExpiry(fields: ExpiryFields, nowMs: number, skewMs = 0): number | undefined {
  const moments = [fields.expires_at, fields.expires_in].map((value) => secondByOurClock(value, nowMs, skewMs));
  return moments.find((moment = 0) => moment > nowMs / 1000) ?? moments.find((moment) => moment !== undefined);
}

function secondByOurClock(value: unknown, nowMs: number, skewMs: number): number | undefined {
  // Durations become moments by the provider's clock first, so that all are corrected in one place.
  const theirs = secondsSince1970(value, nowMs + skewMs);
  const ours = Math.floor(theirs - skewMs / 1000);
  const asItCame = Math.floor(theirs);
  const isPastForBoth = Math.max(ours, asItCame) <= nowMs / 1000;
  const seconds = isPastForBoth ? asItCame : ours;
  // Written so that NaN fails both comparisons.
  return seconds > 0 && seconds <= LAST_SECOND ? seconds : undefined;
}

function secondsSince1970(value: unknown, nowMs: number): number {
  // Number('') and Number(true) are numbers: only what the pattern allows is coerced here.
  if (typeof value === 'string') return NUMERIC.test(value) ? fromNumber(Number(value), nowMs) : fromIso(value);
  return typeof value === 'number' ? fromNumber(value, nowMs) : Number.NaN;
}

function fromNumber(value: number, nowMs: number): number {
  if (value >= MILLISECONDS_FROM) return value / 1000;
  if (value >= MOMENT_FROM) return value;
  return value > 0 ? nowMs / 1000 + value : Number.NaN;
}

function fromIso(text: string): number {
  const [, day, time, zone] = ISO_MOMENT.exec(text) ?? [];
  // Without a zone Date.parse would use the server's own.
  return day === undefined || time === undefined ? Number.NaN : Date.parse(`${day}T${time}${zoneOf(zone)}`) / 1000;
}

function zoneOf(zone: string | undefined): string {
  if (zone === undefined) return 'Z';
  return /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
}
