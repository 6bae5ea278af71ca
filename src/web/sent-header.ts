import type { Request } from 'express';
import { own } from '../base/own';

/**
 * Gives a header only if it was sent: Node's object also shows those of a polluted `Object.prototype`.
 * @param name - in lower case
 */
export function sentHeader(req: Pick<Request, 'headers'>, name: string): string | undefined {
  const value = own(req.headers, name) as string | string[] | null | undefined;
  return value == null ? undefined : String(value);
}
