/**
 * The origin of an address that somebody else has chosen, fit to be shown, or undefined: nothing else of such an address
 * is, and no origin that holds a secret in whatever spelling.
 * @param secrets - none of them empty
 */
export function foreignOrigin(address: URL, secrets: readonly string[]): string | undefined {
  if (!/^https?:$/u.test(address.protocol)) return undefined;
  const host = lettersAndDigits(address.host);
  return secrets.flatMap(spellings).some((spelling) => host.includes(lettersAndDigits(spelling)))
    ? undefined
    : address.origin;
}

/** A host is written in small letters, holds few signs, and is cut into labels. */
function lettersAndDigits(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/gu, '');
}

function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // Without the last characters, which depend on what follows.
  const encoded = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/u, '')
      .slice(before === 0 ? 0 : before + 1, -1),
  );
  return [secret, bytes.toString('hex'), ...encoded];
}
