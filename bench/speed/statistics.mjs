/** The quartiles of some numbers: enough to see how sure a median is. */
export function quartiles(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  const [low, median, high] = [0.25, 0.5, 0.75].map((share) => at(sorted, share * (sorted.length - 1)));
  return { low, median, high };
}

/** The element at a place between two of them, by linear interpolation. */
function at(sorted, place) {
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** The number that so large a share does not exceed. */
export function percentile(numbers, share) {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}
