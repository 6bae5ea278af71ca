import { DOCUMENTED_MESSAGES, isAccountCode, isDocumentedApiCode, isOAuthErrorName } from './error-table';
import { isFields, ownData, type Fields } from '../../base/own';

/** What a body says about failure. Of several signs of one kind, the first one found. */
export interface ErrorSigns {
  /** One of the seven 20xx codes, as a number or by its documented text. */
  accountCode?: number;
  /** A registered OAuth error name. */
  oauthName?: string;
  /** Whether it says `invalid_token`, which only a resource server says (RFC 6750 §3.1). */
  invalidToken: boolean;
  /** Whether it says `insufficient_scope`, as above. */
  insufficientScope: boolean;
  /** A documented code in HTTP's range. */
  statusCode?: number;
  /** Another number of 400–599. */
  otherStatus?: number;
  /** Whether the body says in any way that the request failed. */
  failed: boolean;
}

/** Where a code may be; none of it is documented. */
const CODE_KEYS = ['code', 'error_code', 'errorCode', 'status_code', 'statusCode', 'status'] as const;
/** Members that may hold a further object or list with the code in it. */
const INNER_KEYS = ['error', 'errors', 'data', 'message'] as const;
const FAILED_STATUS = new Set(['error', 'fail', 'failed', 'failure']);
const NOT_SUCCESSFUL = new Set<unknown>([false, 0, 'false', '0']);
const NO_ERROR = new Set<unknown>([undefined, null, false, '', 0]);

/** All members of an object in which a sign may be. */
export const SIGN_KEYS: readonly string[] = Object.freeze([...CODE_KEYS, ...INNER_KEYS, 'type', 'success']);

const MOST_LEVELS = 6;
const MOST_VALUES = 200;
/** The longest documented text has 21 characters. Longer text is prose, and costs time in proportion to its length. */
const LONGEST_TEXT = 256;

const apiCodeByText = new Map(DOCUMENTED_MESSAGES.map(([text, apiCode]) => [normalised(text), apiCode]));

/**
 * Finds the error signs in a parsed body of any shape. Numbers that the provider does not document (16, 101) are not
 * signs; nor are `error: null`, `false`, `''`, `0`, `errors: []`, `success: true`, `status: 200`, `code: 0` and texts
 * of more than 256 characters. Examines at most `mostValues` values on 6 levels, and runs no code of theirs.
 */
export function findErrorSigns(value: unknown, mostValues = MOST_VALUES): ErrorSigns {
  const signs: ErrorSigns = { failed: false, invalidToken: false, insufficientScope: false };
  let valuesLeft = mostValues;

  function visit(inner: unknown, level: number): void {
    if (inner === undefined || level > MOST_LEVELS || valuesLeft === 0) return;
    valuesLeft -= 1;
    if (Array.isArray(inner)) {
      const length = Math.min(lengthOf(inner), MOST_VALUES);
      for (let index = 0; index < length; index += 1) visit(ownData(inner, String(index)), level + 1);
    } else if (isFields(inner)) {
      noteFailure(inner, signs);
      for (const key of CODE_KEYS) noteScalar(ownData(inner, key), signs);
      noteOAuthName(ownData(inner, 'type'), signs);
      for (const key of INNER_KEYS) visit(ownData(inner, key), level + 1);
    } else {
      // A body that is just a number is not an error sign: it is an undocumented answer.
      if (level > 1) noteScalar(inner, signs);
      noteMessage(inner, signs);
    }
  }

  visit(value, 1);
  return signs;
}

/** Length of a list from outside, on which `slice` and `for` … `of` could run its own code. */
export function lengthOf(list: readonly unknown[]): number {
  return Number(ownData(list, 'length'));
}

/** Whether `success` says that the request failed. */
export function isUnsuccessful(fields: Fields): boolean {
  return NOT_SUCCESSFUL.has(ownData(fields, 'success'));
}

function noteFailure(fields: Fields, signs: ErrorSigns): void {
  const errors = ownData(fields, 'errors');
  const listed = isFields(errors) || Array.isArray(errors) ? Object.keys(errors).length > 0 : !NO_ERROR.has(errors);
  const status = ownData(fields, 'status');
  const statusFailed = isShortText(status) && FAILED_STATUS.has(status.toLowerCase());
  if (listed || statusFailed || isUnsuccessful(fields) || !NO_ERROR.has(ownData(fields, 'error'))) signs.failed = true;
}

function noteScalar(value: unknown, signs: ErrorSigns): void {
  noteOAuthName(value, signs);
  if (typeof value === 'number') noteNumber(value, signs);
  if (isShortText(value) && /^\d{3,4}$/.test(value)) noteNumber(Number(value), signs);
}

function noteOAuthName(value: unknown, signs: ErrorSigns): void {
  if (!isShortText(value)) return;
  if (isOAuthErrorName(value)) signs.oauthName ??= value;
  if (value === 'invalid_token') signs.invalidToken = true;
  if (value === 'insufficient_scope') signs.insufficientScope = true;
}

function noteNumber(value: number, signs: ErrorSigns): void {
  if (!isDocumentedApiCode(value)) {
    if (Number.isInteger(value) && value >= 400 && value <= 599) signs.otherStatus ??= value;
  } else if (isAccountCode(value)) {
    signs.accountCode ??= value;
  } else {
    signs.statusCode ??= value;
  }
}

/** Recognises a documented text, and a number before any text: `2036: Invalid API Key`. */
function noteMessage(value: unknown, signs: ErrorSigns): void {
  if (!isShortText(value)) return;
  // Not a date or a time of day: no digit follows the punctuation.
  const number = /^\s*(\d{3,4})\s*[:–-](?!\s*\d)/.exec(value)?.[1];
  if (number !== undefined) noteNumber(Number(number), signs);
  const apiCode = apiCodeByText.get(normalised(value).replace(/^\d{3,4} /, ''));
  if (apiCode !== undefined) noteNumber(apiCode, signs);
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_TEXT;
}

function normalised(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}
