import type { TokenSet } from '../session/connect-token';

/** How an attempt to get a newer token set ended. Times in milliseconds. */
export type RefreshOutcome =
  /** `ageMs`: since it was settled; `won`: this process has just refreshed it. */
  | { readonly kind: 'token'; readonly set: TokenSet; readonly ageMs: number; readonly won: boolean }
  /** Another process is refreshing. */
  | { readonly kind: 'wait' }
  /** The provider is left alone for now; `word`: why; `reference`: of the failure, where this attempt has met it. */
  | { readonly kind: 'backoff'; readonly ms: number; readonly word: string; readonly reference: string | undefined }
  /** `word`: why, as event `ended` says it; `reference` as above. */
  | { readonly kind: 'dead'; readonly word: string; readonly reference: string | undefined }
  | { readonly kind: 'revoked' }
  /** The ledger did not answer, or holds what nobody can read; `reference`: of the event that says so, if there is one. */
  | { readonly kind: 'away'; readonly reference?: string };
