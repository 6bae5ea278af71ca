/** A secret that must not be seen anywhere. */
export interface Secret {
  readonly name: string;
  readonly value: string;
  /** Where it was in use; absent: everywhere. */
  readonly scenario?: string;
}

/** Every way in which a value may stand in a text; base64 also in the middle of something longer. */
function spellings(value: string): Map<string, string> {
  const bytes = Buffer.from(value);
  const hex = bytes.toString('hex');
  const percent = encodeURIComponent(value);
  const all = new Map<string, string>([
    ['raw', value],
    ['json', JSON.stringify(value).slice(1, -1)],
    ['html', value.replace(/[&<>"']/gu, (one) => `&#${one.charCodeAt(0)};`)],
    ['html by name', value.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')],
    ['percent', percent],
    ['percent, lower case', percent.replace(/%../gu, (one) => one.toLowerCase())],
    ['percent, every byte', hex.replace(/../gu, '%$&')],
    ['form', new URLSearchParams({ v: value }).toString().slice(2)],
    ['hex', hex],
    ['HEX', hex.toUpperCase()],
  ]);
  for (const encoding of ['base64', 'base64url'] as const) {
    for (const before of [0, 1, 2]) {
      // Characters that also depend on the neighbours are cut off at both ends.
      const text = Buffer.concat([Buffer.alloc(before), bytes])
        .toString(encoding)
        .replace(/=+$/u, '');
      all.set(`${encoding}, offset ${before}`, text.slice(before === 0 ? 0 : before + 1, -2));
    }
  }
  return all;
}

const known = new Map<string, readonly (readonly [string, string])[]>();

/** Each different spelling once: most values look alike in several. */
function spellingsOnce(value: string): readonly (readonly [string, string])[] {
  const before = known.get(value);
  if (before !== undefined) return before;
  const nameOf = new Map([...spellings(value)].map(([name, text]) => [text, name] as const));
  const found = [...nameOf].map(([text, name]) => [name, text] as const);
  known.set(value, found);
  return found;
}

/** Names what of the secrets stands in the text, and how: whole, or the letters and digits in its middle. */
export function findSecrets(text: string, secrets: readonly Secret[]): string[] {
  return secrets.flatMap(({ name, value }) => {
    const core = /[A-Za-z0-9]{12,}/u.exec(value)?.[0] ?? value;
    return [...spellingsOnce(value), ...(core === value ? [] : spellingsOnce(core))]
      .filter(([, spelling]) => spelling !== '' && text.includes(spelling))
      .map(([spelling]) => `${name} (${spelling})`);
  });
}
