/** A body as far as it could be understood. */
export interface ParsedBody {
  /** The JSON value, a form's fields, or else the text itself; undefined for an empty body and for markup. */
  readonly value: unknown;
  /** Whether the body itself is JSON; only such a body can hold a token. */
  readonly isJson: boolean;
  /** Whether it is a page for people, which proxies, firewalls and portals send in place of an answer. */
  readonly isMarkup: boolean;
}

/** No error is longer; parsing a longer form pair by pair would be wasted. */
const LONGEST_FORM = 8192;
/** Pairs of a form body (RFC 6749 appendix B): no spaces, quotes or brackets, and a name before the first `=`. */
const FORM = /^[\w.%+*-]+=[^\s"<>{}[\]]*$/;

/**
 * Understands a body of any kind, whatever its Content-Type says: JSON, JSON encoded twice, a form, plain text. Never
 * throws, and never quotes the body as `JSON.parse` does in its message.
 */
export function parseBody(body: string): ParsedBody {
  const text = body.trim();
  const json = parseJson(text);
  // A JSON string is a body encoded twice, or text in quotes: both are searched for errors only.
  if (typeof json === 'string') {
    return { value: parseJson(json) ?? textual(json.trim()), isJson: false, isMarkup: false };
  }
  if (json !== undefined) return { value: json, isJson: true, isMarkup: false };
  return { value: textual(text), isJson: false, isMarkup: isMarkup(text) };
}

function isMarkup(text: string): boolean {
  return text.startsWith('<');
}

function textual(text: string): unknown {
  if (text === '' || isMarkup(text)) return undefined;
  return text.length <= LONGEST_FORM && FORM.test(text) ? fieldsOf(text) : text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function fieldsOf(form: string): Record<string, unknown> {
  // Without prototype, so that a field named __proto__ is a field.
  const fields = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of new URLSearchParams(form)) {
    if (!Object.hasOwn(fields, name)) fields[name] = value;
  }
  return fields;
}
