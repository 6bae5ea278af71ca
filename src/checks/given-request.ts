import { own } from '../base/own';

/** Whether a value is a request of Express: what a factory gets that was passed to Express instead of being called. */
export function isRequest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { method, url } = value as { method?: unknown; url?: unknown };
  return typeof method === 'string' && typeof url === 'string' && typeof own(value, 'socket') === 'object';
}
