import { isConnectError, type ConnectAuth } from 'express-connect-auth';
import type { DemoUser } from './users';

/** What came of a job. */
export interface JobOutcome {
  /** Of the user that it has acted for. */
  readonly userId: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** What the API calls the user; absent: it told no name, or there is an error. */
  readonly name?: string;
  readonly error?: { readonly title: string; readonly code: string };
  /** Number of the process that it ran in, where there are several. */
  readonly worker?: number;
}

/** Acts for a user as a cron job does: by their name alone, without a request, a session or a cookie. */
export async function nightlyJob(
  connect: Pick<ConnectAuth, 'of'>,
  { id }: DemoUser,
): Promise<Pick<JobOutcome, 'name' | 'error'>> {
  try {
    const { data } = await connect.of(id).client().get<unknown>('/me');
    return nameIn(data);
  } catch (error) {
    if (!isConnectError(error)) throw error;
    return { error: { title: error.title, code: error.code } };
  }
}

/** The API is documented to answer `{ success, data }`; what is in `data` it does not say. */
function nameIn(answer: unknown): { readonly name?: string } {
  const name = memberOf(memberOf(answer, 'data'), 'name');
  return typeof name === 'string' ? { name } : {};
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
