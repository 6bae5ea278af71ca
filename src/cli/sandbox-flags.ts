import { isVisible } from '../checks/values';
import type { SandboxSwitches } from '../testing/switches';
import type { FlagKind, Flags } from './read-flags';

/** What a switch takes: one of these words, a number, or the key that is required. */
type Values = readonly string[] | 'number' | 'key';

/** Every switch, with what its flag takes; the first word is the default. */
export const SWITCH_VALUES: Readonly<Record<keyof SandboxSwitches, Values>> = {
  state: ['echo', 'drop', 'alter'],
  refusal: ['error', 'bare'],
  credentials: ['any', 'header', 'body', 'not-both'],
  requestFormat: ['any', 'json', 'form'],
  accessTokenKey: 'key',
  refresh: ['new', 'same', 'omitted', 'rotate'],
  deadGrantAs: ['invalid_grant', '400', '401', '403'],
  graceMs: 'number',
  expiresAt: ['seconds', 'milliseconds', 'string', 'iso', 'missing', 'past'],
  lifetimeSeconds: 'number',
  envelope: ['flat', 'data'],
  pkce: ['enforced', 'ignored', 'refused'],
  errorShape: [
    'oauth',
    'errorObject',
    'errorStatus',
    'flat',
    'failedMessage',
    'failedCode',
    'failedError',
    'list',
    'array',
    'message',
    'numberedMessage',
    'text',
    'form',
    'encodedTwice',
    'foreignNumber',
    'html',
    'empty',
    'truncated',
    'scalar',
  ],
  errorStatus: ['matching', '200', '400', '500'],
};

const SWITCHES = Object.keys(SWITCH_VALUES) as readonly (keyof SandboxSwitches)[];

/** The flags of the sandbox's switches, as `readFlags` takes them. */
export const SWITCH_FLAGS: Readonly<Record<string, FlagKind>> = Object.fromEntries(
  SWITCHES.map((name) => [flagOf(name), 'value']),
);

/** The flag of a switch: `requestFormat` is `request-format`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}

/** The switches as the flags set them, or what is wrong with one of them. */
export function readSwitches({
  values,
}: Flags): { readonly switches: Partial<SandboxSwitches> } | { readonly misuse: string } {
  const entries: [string, unknown][] = [];
  for (const name of SWITCHES) {
    const text = values.get(flagOf(name));
    if (text === undefined) continue;
    const allowed = SWITCH_VALUES[name];
    if (allowed === 'number' && !/^\d{1,12}$/u.test(text)) return { misuse: `--${flagOf(name)} takes a whole number.` };
    if (name === 'lifetimeSeconds' && Number(text) < 1)
      return { misuse: `--${flagOf(name)} takes a whole number from 1 on.` };
    if (allowed === 'key' && !isVisible(text))
      return { misuse: `--${flagOf(name)} takes a key of visible ASCII characters.` };
    if (typeof allowed !== 'string' && !allowed.includes(text)) {
      return { misuse: `--${flagOf(name)} takes one of: ${allowed.join(', ')}.` };
    }
    entries.push([name, switchValue(allowed, text)]);
  }
  return { switches: Object.fromEntries(entries) };
}

function switchValue(allowed: Values, text: string): unknown {
  if (allowed === 'key') return text === 'ignored' ? text : { required: text };
  return allowed === 'number' || /^\d+$/u.test(text) ? Number(text) : text;
}
