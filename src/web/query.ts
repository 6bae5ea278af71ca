import { isOpaque, sizeFault } from '../base/opaque';

/** A query parameter as it stands in the URL: `bad` covers arrays, duplicates, broken encoding and unusable characters. */
export type Parameter =
  | { readonly kind: 'absent' }
  /** `fault`: a more precise message, for a developer. */
  | { readonly kind: 'bad'; readonly fault?: string }
  | { readonly kind: 'value'; readonly value: string };

const ABSENT: Parameter = { kind: 'absent' };
const BAD: Parameter = { kind: 'bad' };

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/**
 * Reads one parameter from a request's original URL, whatever the `query parser` setting of Express is. `name[]` and
 * `name[x]` count as the parameter and make it bad; parameters of other names are ignored (RFC 6749 §4.1.2).
 */
export function readParameter(originalUrl: string, name: string): Parameter {
  const query = /\?([^#]*)/u.exec(originalUrl)?.[1] ?? '';
  let found = ABSENT;
  for (const pair of query.split('&')) {
    const nameEnd = `${pair}=`.indexOf('=');
    const rawName = pair.slice(0, nameEnd);
    const spelled = decode(rawName) ?? rawName;
    if (spelled.split('[', 1)[0] !== name) continue;
    const value = decode(pair.slice(nameEnd + 1));
    if (found !== ABSENT || spelled !== name || value === undefined) found = BAD;
    else found = { kind: 'value', value };
  }
  return found;
}

/** The authorization response (RFC 6749 §4.1.2) as it stands in the URL, each part judged by itself. */
export interface CallbackQuery {
  readonly state: Parameter;
  readonly code: Parameter;
  readonly error: Parameter;
  /** The issuer that has answered (RFC 9207). */
  readonly iss: Parameter;
}

/** Lets only an opaque value pass. */
function plain(name: string, parameter: Parameter): Parameter {
  if (parameter.kind !== 'value' || isOpaque(parameter.value)) return parameter;
  const fault = sizeFault(name, parameter.value);
  return fault === undefined ? BAD : { kind: 'bad', fault };
}

/** Reads the parts of an authorization response; anything else in the query is ignored. */
export function readCallbackQuery(originalUrl: string): CallbackQuery {
  return {
    state: plain('state', readParameter(originalUrl, 'state')),
    code: plain('code', readParameter(originalUrl, 'code')),
    error: plain('error', readParameter(originalUrl, 'error')),
    iss: readParameter(originalUrl, 'iss'),
  };
}
