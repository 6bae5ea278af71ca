import type { SandboxFault, SandboxSwitches } from 'express-connect-auth/testing';

type ErrorShape = SandboxSwitches['errorShape'];
type ErrorStatus = SandboxSwitches['errorStatus'];

/** Something that can be made to go wrong in one sign-in. */
export type Trouble =
  | { readonly kind: 'code'; readonly apiCode: number; readonly shape: ErrorShape; readonly status: ErrorStatus }
  | { readonly kind: 'fault'; readonly fault: string }
  | { readonly kind: 'visitor'; readonly act: VisitorAct };

/** What can go wrong between the visitor's browser and this site. */
export type VisitorAct = 'declined' | 'foreign' | 'expired' | 'used' | 'incomplete';

/** The 17 codes that the provider documents, with its own meanings. */
export const API_CODES: ReadonlyMap<number, string> = new Map([
  [400, 'Request invalid'],
  [401, 'API key is wrong'],
  [403, 'Administrators only'],
  [404, 'Not found'],
  [405, 'Method not allowed'],
  [406, 'Not JSON'],
  [410, 'Gone'],
  [429, 'Too many requests'],
  [500, 'Server error'],
  [503, 'Maintenance'],
  [2032, 'API Key is required'],
  [2034, 'Email is required'],
  [2036, 'Invalid API Key'],
  [2038, 'Provide valid API Key'],
  [2039, 'Email already exists'],
  [2040, 'Phone already exists'],
  [2041, 'Email Invalid'],
]);

/** Where the code sits in the provider's body; its documentation shows no sample, so all of these are read. */
export const SHAPES: Readonly<Record<ErrorShape, string>> = {
  errorObject: '{"error":{"code":…}}',
  errorStatus: '{"error":{"status":…}}',
  flat: '{"code":…}',
  failedMessage: '“success”: false, message',
  failedCode: '“success”: false, code',
  failedError: '“success”: false, error',
  list: '{"errors":[{"code":…}]}',
  array: '[{"code":…}]',
  message: 'A message, no code',
  numberedMessage: 'A message with the code',
  text: 'Plain text',
  form: 'Form-encoded',
  encodedTwice: 'JSON in a JSON string',
  oauth: '{"error":"invalid_grant"}',
  foreignNumber: 'An unknown code',
  html: 'An HTML page',
  empty: 'An empty body',
  truncated: 'Half of a JSON text',
  scalar: 'A bare number',
};

/** HTTP status under which the provider sends its error. */
export const STATUSES: ReadonlyMap<ErrorStatus, string> = new Map<ErrorStatus, string>([
  ['matching', 'Matches the code'],
  [200, '200, as if successful'],
  [400, '400'],
  [500, '500'],
]);

interface NamedFault {
  readonly label: string;
  readonly fault: SandboxFault;
}

/** Ways in which the connection to the provider breaks while it is asked for the token. */
export const FAULTS: ReadonlyMap<string, NamedFault> = new Map<string, NamedFault>([
  ['silence', { label: 'No answer at all', fault: { kind: 'silence' } }],
  ['drip', { label: 'One byte at a time', fault: { kind: 'drip' } }],
  ['reset', { label: 'Connection reset', fault: { kind: 'reset' } }],
  ['truncated', { label: 'Answer cut in half', fault: { kind: 'truncated' } }],
  ['html503', { label: 'Maintenance page, 503', fault: { kind: 'html503' } }],
  ['html503-later', { label: '503 with Retry-After', fault: { kind: 'html503', retryAfter: '120' } }],
  [
    'redirect',
    {
      label: 'A redirect elsewhere',
      fault: { kind: 'redirect', status: 307, location: 'http://127.0.0.1:9/elsewhere' },
    },
  ],
  ['endless', { label: 'A body that never ends', fault: { kind: 'endless' } }],
  ['large', { label: 'A body of megabytes', fault: { kind: 'large' } }],
  ['gzip-bomb', { label: 'A compressed bomb', fault: { kind: 'gzipBomb' } }],
  ['corrupt-gzip', { label: 'Broken compression', fault: { kind: 'corruptGzip' } }],
]);

/** What the visitor, or somebody who means ill, does. */
export const VISITOR_ACTS: Readonly<Record<VisitorAct, { readonly label: string; readonly hint: string }>> = {
  declined: { label: 'The visitor declines', hint: 'Press Decline on the next page.' },
  foreign: {
    label: 'Somebody else’s sign-in',
    hint: 'Somebody sends you the link that ends their own sign-in, and you open it.',
  },
  expired: {
    label: 'The sign-in takes too long',
    hint: 'This sign-in expires after a tenth of a second. Press Allow on the next page: it is too late already.',
  },
  used: { label: 'The same sign-in twice', hint: 'You come back with an answer that has been used before.' },
  incomplete: { label: 'An empty answer', hint: 'Somebody opens the address of the callback by hand.' },
};

/** Writes a trouble so that it fits into a cookie; {@link parseTrouble} reads it. */
export function troubleName(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'code':
      return `code.${trouble.apiCode}.${trouble.shape}.${trouble.status}`;
    case 'fault':
      return `fault.${trouble.fault}`;
    case 'visitor':
      return `visitor.${trouble.act}`;
  }
}

/** Reads what {@link troubleName} wrote or a form sent; anything that is not in the tables above gives nothing. */
export function parseTrouble(name: string): Trouble | undefined {
  const [kind, what = '', shape = '', status = ''] = name.split('.');
  if (kind === 'fault' && FAULTS.has(what)) return { kind, fault: what };
  if (kind === 'visitor' && Object.hasOwn(VISITOR_ACTS, what)) return { kind, act: what as VisitorAct };
  if (kind !== 'code' || !API_CODES.has(Number(what)) || !Object.hasOwn(SHAPES, shape)) return undefined;
  const known = [...STATUSES.keys()].find((key) => String(key) === status);
  return known === undefined ? undefined : { kind, apiCode: Number(what), shape: shape as ErrorShape, status: known };
}

/** A trouble in a few words, for headings. */
export function describeTrouble(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'code':
      return `API code ${trouble.apiCode}: ${API_CODES.get(trouble.apiCode) ?? ''}`;
    case 'fault':
      return FAULTS.get(trouble.fault)?.label ?? '';
    case 'visitor':
      return VISITOR_ACTS[trouble.act].label;
  }
}
