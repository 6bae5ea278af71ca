import type { Finding } from './finding';
import { bestOf, writingsTried, type Setup, type Tried } from './tries';

const KEY = { check: 'access-token-key', subject: 'ACCESSTOKEN' } as const;

/**
 * Judges what the header `ACCESSTOKEN` does, by the difference that it makes: an answer that stays the same with a
 * made-up key, or without the configured one, was not about the key.
 */
export function judgeKey(setup: Setup, tried: readonly Tried[]): Finding {
  return setup.hasKey ? configuredKey(setup, tried) : missingKey(setup, tried);
}

function configuredKey(setup: Setup, tried: readonly Tried[]): Finding {
  const withKey = bestOf(setup, tried);
  const without = tried.find(({ way }) => way.key === 'none')?.outcome;
  if (without === undefined) return untold();
  if (withKey !== undefined) {
    return without.kind === 'accepted'
      ? { ...KEY, verdict: 'ok', text: 'is sent, and not needed' }
      : { ...KEY, verdict: 'ok', text: 'is needed, and yours is accepted' };
  }
  if (without.kind === 'accepted') {
    return {
      ...KEY,
      verdict: 'fail',
      text: 'is refused, and not needed at all',
      cure: 'Remove CONNECT_ACCESS_TOKEN_KEY (option accessTokenKey), or correct it.',
    };
  }
  const before = signOf(tried);
  if (before === undefined || before === without.sign) return untold();
  return {
    ...KEY,
    verdict: 'fail',
    text: `yours is refused (${before}; without it ${without.sign})`,
    cure: 'Copy the Access Token Key of your developer account again to CONNECT_ACCESS_TOKEN_KEY.',
  };
}

function missingKey(setup: Setup, tried: readonly Tried[]): Finding {
  if (bestOf(setup, tried) !== undefined) return { ...KEY, verdict: 'ok', text: 'is not needed' };
  const madeUp = tried.find(({ way }) => way.key === 'made-up')?.outcome;
  const before = signOf(tried);
  if (madeUp === undefined || before === undefined || before === madeUp.sign) return untold();
  return {
    ...KEY,
    verdict: 'fail',
    text: `is required (${before}; with a made-up key ${madeUp.sign})`,
    cure: 'Set CONNECT_ACCESS_TOKEN_KEY (option accessTokenKey) to the Access Token Key of your developer account.',
  };
}

/** The sign of the answer as configured; only there the tries with and without a key differ in nothing else. */
function signOf(tried: readonly Tried[]): string | undefined {
  return writingsTried(tried)[0]?.outcome.sign;
}

function untold(): Finding {
  return { ...KEY, verdict: 'skip', text: 'makes no difference so far' };
}
