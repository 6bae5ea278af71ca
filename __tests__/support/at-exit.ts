const endings = new Set<() => void>();

/** Ends programs that a test run would leave behind when it is stopped: one listener for all of them. */
export function atExit(end: () => void): void {
  if (endings.size === 0) process.on('exit', endAll);
  endings.add(end);
}

export function notAtExit(end: () => void): void {
  endings.delete(end);
  if (endings.size === 0) process.off('exit', endAll);
}

function endAll(): void {
  for (const end of endings) end();
}
