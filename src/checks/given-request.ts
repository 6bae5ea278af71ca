import { own } from '../base/own';

/** Whether a value is an Express request: a factory gets one if it was passed to Express instead of being called. */
export function isRequest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { method, url } = value as { method?: unknown; url?: unknown };
  return typeof method === 'string' && typeof url === 'string' && typeof own(value, 'socket') === 'object';
}
