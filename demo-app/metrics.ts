import { Counter, Histogram, type Registry } from 'prom-client';
import type { ConnectEventListener } from 'express-connect-auth';

/** Where a provider's answer lies, in seconds; a refresh may take 60. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Every call to the provider is told by one of these. */
const CALLS = ['exchange', 'api_call', 'refreshed', 'refresh_failed'] as const;

/**
 * Counts connection events for Prometheus: `connectAuth({ …, onEvent: connectMetrics(registry) })`.
 * The labels are short fixed words, never a visitor or a connection, so the number of series stays small.
 */
export function connectMetrics(registry: Registry): ConnectEventListener {
  const registers = [registry];
  const events = new Counter({
    name: 'connect_events_total',
    help: 'Connection events by type',
    labelNames: ['type'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'connect_call_duration_seconds',
    help: 'How long the provider took for a call, by the event that tells it',
    labelNames: ['type'],
    buckets: SECONDS,
    registers,
  });
  const refreshFailures = new Counter({
    name: 'connect_refresh_failures_total',
    help: 'Refreshes that gave no token, by kind',
    labelNames: ['kind'],
    registers,
  });
  const ledgerErrors = new Counter({
    name: 'connect_ledger_errors_total',
    help: 'Ledger operations that failed',
    labelNames: ['operation'],
    registers,
  });
  const errors = new Counter({
    name: 'connect_errors_total',
    help: 'Error answers by code',
    labelNames: ['stage', 'code'],
    registers,
  });
  // A series that begins at 0 makes rate() see the first event too.
  for (const type of [
    ...CALLS,
    'connected',
    'adopted',
    'disconnected',
    'ended',
    'ledger_error',
    'ledger_forgot',
    'error',
  ] as const) {
    events.inc({ type }, 0);
  }
  for (const type of CALLS) callSeconds.zero({ type });

  return function countEvent(event) {
    events.inc({ type: event.type });
    if ('durationMs' in event) callSeconds.observe({ type: event.type }, event.durationMs / 1000);
    if (event.type === 'refresh_failed') refreshFailures.inc({ kind: event.kind });
    if (event.type === 'ledger_error') ledgerErrors.inc({ operation: event.operation });
    if (event.type === 'error') errors.inc({ stage: event.stage, code: event.code });
  };
}
