import type * as http from 'node:http';
import tls from 'node:tls';
import { own } from '../base/own';
import { hasMethods } from './values';

/** How an agent's settings would weaken the verification of certificates. */
export type AgentFault = 'unverified' | 'identity';

/** How deep nested objects are searched; packages for proxies keep their settings one or two levels deep. */
const MOST_LEVELS = 4;
/** Where node:http keeps open connections: large, and without settings. */
const CONNECTIONS: ReadonlySet<string> = new Set(['sockets', 'freeSockets', 'requests']);

/**
 * Finds `rejectUnauthorized: false` (`unverified`) or a `checkServerIdentity` other than Node's (`identity`) in an
 * agent, its options, and the plain objects, lists and further agents in them. Only a help at start-up: what an agent
 * really does is checked on each connection.
 */
export function agentFault(agent: unknown): AgentFault | undefined {
  const seen = new Set<object>();

  function faultIn(settings: object, level: number): AgentFault | undefined {
    if (level > MOST_LEVELS || seen.has(settings)) return undefined;
    seen.add(settings);
    for (const [name, value] of ownValues(settings)) {
      if (name === 'rejectUnauthorized' && value === false) return 'unverified';
      if (name === 'checkServerIdentity' && value != null && value !== tls.checkServerIdentity) return 'identity';
      const fault = holdsSettings(name, value) ? faultIn(value, level + 1) : undefined;
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  return isObject(agent) ? faultIn(agent, 1) : undefined;
}

/** An agent of node:http or node:https, or one that is used like them; {@link agentFault} looks at its settings. */
export function isAgent(value: unknown): value is http.Agent {
  return hasMethods(value, ['addRequest']) && agentFault(value) === undefined;
}

/** Calls no getter: one may fail or have side effects. */
function ownValues(object: object): readonly (readonly [string, unknown])[] {
  const members = Object.entries(Object.getOwnPropertyDescriptors(object));
  return members.map(([name, descriptor]) => [name, own({ ...descriptor }, 'value')] as const);
}

function holdsSettings(name: string, value: unknown): value is object {
  if (!isObject(value) || CONNECTIONS.has(name)) return false;
  return Array.isArray(value) || isPlain(value) || typeof (value as { addRequest?: unknown }).addRequest === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Judged by the prototype's own prototype, not by identity: the object may come from another realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
