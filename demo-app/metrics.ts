import { Counter, Histogram, type Registry } from 'prom-client';
import type { ConnectEventListener } from 'express-connect-auth';

/** Where a provider's answer lies, in seconds; beyond 10 s a refresh is in trouble anyway. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

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
  const refreshSeconds = new Histogram({
    name: 'connect_refresh_duration_seconds',
    help: 'How long the provider took for a refresh',
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
    'connected',
    'refreshed',
    'adopted',
    'refresh_failed',
    'disconnected',
    'ended',
    'ledger_error',
    'error',
  ]) {
    events.inc({ type }, 0);
  }

  return function countEvent(event) {
    events.inc({ type: event.type });
    if (event.type === 'refreshed') refreshSeconds.observe(event.durationMs / 1000);
    if (event.type === 'refresh_failed') refreshFailures.inc({ kind: event.kind });
    if (event.type === 'ledger_error') ledgerErrors.inc({ operation: event.operation });
    if (event.type === 'error') errors.inc({ stage: event.stage, code: event.code });
  };
}
