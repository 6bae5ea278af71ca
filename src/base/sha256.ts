import { hash } from 'node:crypto';

/** SHA-256 as 43 characters of base64url: names what must not be kept, or not be readable, as it is. */
export function sha256(text: string | Uint8Array): string {
  return hash('sha256', text, 'base64url');
}
