/** Why a refresh failed, as a ledger hands it on. */
export interface FailureWord {
  readonly word: string;
  /** The provider's API code, where this app gives it a status of its own. */
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
