const warned = new Set<string>();

/**
 * Warns once in the life of the process, by `process.emitWarning`.
 * @param code - of the warning; stable, for whoever filters by it
 * @param detail - the next step
 */
export function warnOnce(code: string, message: string, detail: string): void {
  if (warned.has(code)) return;
  warned.add(code);
  process.emitWarning(message, { code, detail });
}
