import { isLoopback } from '../checks/values';
import { isQuoted } from '../options/from-env';
import { shownCallbackPath } from './callback-path';
import type { Finding } from './finding';

/** A variable that cannot be used. */
export interface FaultyVariable {
  readonly name: string;
  /** As given; empty: not set. Nothing of it is shown. */
  readonly value: string;
  readonly callbackPath: string;
  /** What the option must be, in the library's words. */
  readonly expected: string;
}

/** Says what is wrong with a variable and what to do: precisely for the usual mistakes, else by the option's own rule. */
export function variableFault(variable: FaultyVariable): Finding {
  const [text, cure] = explained(variable);
  return { check: 'option', subject: variable.name, verdict: 'fail', text, cure };
}

/** A server listens there; nobody can be sent there. */
const ANY_ADDRESS = /^(?:0\.0\.0\.0|\[::\])$/u;

type Explanation = readonly [text: string, cure: string];

function explained(variable: FaultyVariable): Explanation {
  const { name, value, expected } = variable;
  if (value === '') return ['is not set', `Set ${name}: ${expected}.`];
  if (value.trim() !== value) {
    return [
      'has whitespace or a newline around it',
      `Set ${name} again without them; look for a newline that was pasted along.`,
    ];
  }
  if (isQuoted(value)) {
    return ['has its quotes as a part of it', `Set ${name} without them; Docker's --env-file keeps them, for one.`];
  }
  const byUrl = /_UR[IL]$/u.test(name) ? urlFault(variable) : undefined;
  return byUrl ?? ['has a value that cannot be used', `Set ${name} to ${expected}.`];
}

function urlFault({ name, value, callbackPath }: FaultyVariable): Explanation | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:\/\//iu.test(value)) {
    return ['is not an absolute URL', `Write ${name} whole, with https:// and the host.`];
  }
  if (url.username !== '' || url.password !== '')
    return ['holds a user name or password', `Remove what stands before the @ in ${name}.`];
  if (value.includes('#')) return ['has a fragment', `Remove the # and what follows from ${name}.`];
  if (ANY_ADDRESS.test(url.hostname)) {
    return [
      `names ${url.hostname}, which is for listening on every address`,
      'Write the host that it is reached by instead, for development localhost.',
    ];
  }
  const isRedirect = name === 'CONNECT_REDIRECT_URI';
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    const registered = isRedirect ? ', and register exactly that with the provider' : '';
    return ['is http on a public host', `Write it with https://${registered}; http is for localhost only.`];
  }
  if (!isRedirect || trimmed(url.pathname).endsWith(trimmed(callbackPath))) return undefined;
  const end = shownCallbackPath(callbackPath);
  return [
    `has a path that does not end with ${end}`,
    `Set and register one that does, or give connectAuth() the option callbackPath (and doctor --callback-path).`,
  ];
}

/** Express takes a path in either case, with a slash at its end or without. */
function trimmed(path: string): string {
  return path.toLowerCase().replace(/\/+$/u, '');
}
