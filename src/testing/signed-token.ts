import { createHmac, randomBytes } from 'node:crypto';

/** Makes HS256 JSON Web Tokens (RFC 7515), the form of the tokens in the provider's sample; the claims are invented. */
export type TokenSigner = (claims: Readonly<Record<string, string | number>>) => string;

/** A signer with a random key of its own: no token outlives its sandbox or is worth anything elsewhere. */
export function tokenSigner(): TokenSigner {
  const key = randomBytes(32);
  const header = encode({ alg: 'HS256', typ: 'JWT' });
  return function signToken(claims) {
    const signed = `${header}.${encode({ ...claims, jti: randomBytes(12).toString('base64url') })}`;
    return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
