import type { TokenSet } from '../session/connect-token';

/** How an attempt to get a newer token set ended. Times in milliseconds. */
export type RefreshOutcome =
  /** `ageMs`: since it was settled; `won`: this process has just refreshed it. */
  | { readonly kind: 'token'; readonly set: TokenSet; readonly ageMs: number; readonly won: boolean }
  /** Another process is refreshing. */
  | { readonly kind: 'wait' }
  /** The provider is not asked for now; `word`: why; `reference`: of the failure, if it happened in this attempt. */
  | { readonly kind: 'backoff'; readonly ms: number; readonly word: string; readonly reference: string | undefined }
  /** `word`: why, as in event `ended`; `reference` as above. */
  | { readonly kind: 'dead'; readonly word: string; readonly reference: string | undefined }
  | { readonly kind: 'revoked' }
  /**
   * The ledger did not answer, or its record cannot be read; `reference`: of the event that says so, if there is one.
   */
  | { readonly kind: 'away'; readonly reference?: string };

/** Why a refresh failed, as a ledger passes it on. */
export interface FailureWord {
  readonly word: string;
  /** The provider's API code, if this app gives it its own status. */
  readonly apiCode?: number | undefined;
}

/** As a ledger keeps it: `refused`, or `refused_2039`. */
export function writeWord({ word, apiCode }: FailureWord): string {
  return apiCode === undefined ? word : `${word}_${apiCode}`;
}

/** Reads what {@link writeWord} has written, here or elsewhere. */
export function readWord(text: string): FailureWord {
  const [, word, apiCode] = /^(.*)_(\d{3,4})$/u.exec(text) ?? [];
  return word === undefined ? { word: text } : { word, apiCode: Number(apiCode) };
}
