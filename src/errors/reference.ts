import { randomBytes } from 'node:crypto';

/** Capital letters and digits without I, O, 0 and 1: 32 of them, so that 5 bits of a byte choose one without a bias. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
/** 40 bits: among a million failures, the chance that another has the same reference is one in a million. */
const LENGTH = 8;

/** Makes the name of one failure: short enough to be read aloud, and random, so that it says nothing about anybody. */
export function newReference(): string {
  return Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}
