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
  if (!/[%+]/u.test(text)) return text;
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
  return readParameters(originalUrl, [name])[0];
}

/** As {@link readParameter}, for several names. */
function readParameters<const Names extends readonly string[]>(
  originalUrl: string,
  names: Names,
): { readonly [Index in keyof Names]: Parameter } {
  const found = names.map(() => ABSENT);
  const query = /\?([^#]*)/u.exec(originalUrl)?.[1] ?? '';
  for (const pair of query.split('&')) {
    const nameEnd = `${pair}=`.indexOf('=');
    const rawName = pair.slice(0, nameEnd);
    const spelled = decode(rawName) ?? rawName;
    const index = names.indexOf(spelled.replace(/\[.*$/su, ''));
    if (index === -1) continue;
    const value = decode(pair.slice(nameEnd + 1));
    found[index] =
      found[index] !== ABSENT || spelled !== names[index] || value === undefined ? BAD : { kind: 'value', value };
  }
  return found as { readonly [Index in keyof Names]: Parameter };
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
  const [state, code, error, iss] = readParameters(originalUrl, ['state', 'code', 'error', 'iss']);
  return { state: plain('state', state), code: plain('code', code), error: plain('error', error), iss };
}
