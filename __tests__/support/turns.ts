/** Lets the event loop turn so many times: what is on its way within this process arrives. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** More than anything within this process takes, and an end for a test that fails. */
const MOST_TURNS = 100_000;

/** Waits turn by turn until something holds. @throws Error when it does not come to hold */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    if (holds()) return;
    await turns(1);
  }
  throw new Error(`After ${MOST_TURNS} turns of the event loop this does not hold: ${holds.toString()}`);
}
