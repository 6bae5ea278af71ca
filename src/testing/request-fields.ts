import type { IncomingMessage } from 'node:http';

/** The fields of a POST body. */
export interface RequestFields {
  readonly format: 'json' | 'form';
  readonly fields: ReadonlyMap<string, string>;
}

const MAX_BODY_BYTES = 64 * 1024;

/**
 * Reads a JSON object or a form (RFC 6749 appendix B). Gives `undefined` for another media type, a body over 64 KiB,
 * JSON that is not a flat object of strings, and repeated fields (RFC 6749 §3.2).
 */
export async function readFields(req: IncomingMessage): Promise<RequestFields | undefined> {
  const text = await readText(req);
  if (text === undefined) return undefined;
  const mediaType = (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === 'application/json') return withFormat('json', jsonFields(text));
  if (mediaType === 'application/x-www-form-urlencoded')
    return withFormat('form', singleFields(new URLSearchParams(text)));
  return undefined;
}

/** The parameters by name, or `undefined` if one of them is repeated. */
export function singleFields(parameters: URLSearchParams): ReadonlyMap<string, string> | undefined {
  const fields = new Map(parameters);
  return fields.size === parameters.size ? fields : undefined;
}

async function readText(req: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read on to the end all the same: closing early would look like a broken connection, not like a refusal.
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString('utf8') : undefined;
}

function jsonFields(text: string): ReadonlyMap<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  return entries.every(isTextEntry) ? new Map(entries) : undefined;
}

function isTextEntry(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}

function withFormat(
  format: RequestFields['format'],
  fields: ReadonlyMap<string, string> | undefined,
): RequestFields | undefined {
  return fields && { format, fields };
}
