/** A secret that must not be seen anywhere. */
export interface Secret {
  readonly name: string;
  readonly value: string;
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
      const text = Buffer.concat([Buffer.alloc(before), bytes]).toString(encoding).replace(/=+$/u, '');
      all.set(`${encoding}, offset ${before}`, text.slice(before === 0 ? 0 : before + 1, -2));
    }
  }
  return all;
}

/** Names what of the secrets stands in the text, and how: whole, or the letters and digits in its middle. */
export function findSecrets(text: string, secrets: readonly Secret[]): string[] {
  return secrets.flatMap(({ name, value }) => {
    const core = /[A-Za-z0-9]{12,}/u.exec(value)?.[0] ?? value;
    return [...spellings(value), ...spellings(core)]
      .filter(([, spelling]) => spelling !== '' && text.includes(spelling))
      .map(([spelling]) => `${name} (${spelling})`);
  });
}
