type Cleanup = () => unknown;

const ofTest: Cleanup[] = [];
const ofFile: Cleanup[] = [];
const renewals: (() => void)[] = [];
let registered = ofFile;

/**
 * Ends what was started, also after a failed check: at the end of the running test (`beforeEach` belongs to it), or of the
 * file when `beforeAll` calls this. The last one registered runs first. To end it earlier as well must do no harm.
 */
export function cleanup(run: Cleanup): void {
  registered.push(run);
}

/** Makes what `beforeAll` started as good as new before each test: what one test has planned and not used is gone. */
export function renewed(reset: () => void): void {
  if (registered === ofFile) renewals.push(reset);
}

export function beginTest(): void {
  registered = ofTest;
  for (const reset of renewals) reset();
}

export async function endTest(): Promise<void> {
  registered = ofFile;
  await runAll(ofTest);
}

export async function endFile(): Promise<void> {
  renewals.splice(0);
  await runAll(ofFile);
}

/** One that fails does not keep the others from running. */
async function runAll(cleanups: Cleanup[]): Promise<void> {
  const errors: unknown[] = [];
  for (const run of cleanups.splice(0).reverse()) {
    try {
      await run();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} cleanups failed: ${errors.join('; ')}`);
}
