/**
 * The candidate that `word` is most likely a misspelling of, or undefined if none is near: at most a third of its
 * letters, and at most three, may differ.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const most = Math.min(3, Math.ceil(word.length / 3));
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance: letters }) => letters <= most)
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** A sentence to append to a message, with a leading space; empty if no candidate is near, or `word` is not text. */
export function didYouMean(word: unknown, candidates: readonly string[]): string {
  const meant = typeof word === 'string' ? nearest(word, candidates) : undefined;
  return meant === undefined ? '' : ` Did you mean ${meant}?`;
}

/** Levenshtein: insertions, deletions and replacements from one word to the other. */
function distance(from: string, to: string): number {
  const letters = Array.from(to);
  // Distance from the part of `from` that has been read to each beginning of `to`.
  let row = letters.map((_, column) => column + 1);
  let last = letters.length;
  for (const [line, letter] of Array.from(from).entries()) {
    let diagonal = line;
    last = line + 1;
    row = row.map((above, column) => {
      last = Math.min(diagonal + (letter === letters[column] ? 0 : 1), above + 1, last + 1);
      diagonal = above;
      return last;
    });
  }
  return last;
}
