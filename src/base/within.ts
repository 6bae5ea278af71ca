/**
 * Waits for work, but no longer than `ms`; a later result is ignored.
 * @param late - gives or throws the result that counts instead; if it gives a promise, the work may still be done
 * before that
 */
export function within<Done, Late>(
  ms: number,
  work: Promise<Done>,
  late: () => Late | Promise<Late>,
): Promise<Done | Late> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // Its own promise, not resolve(): work that is done before it counts.
      new Promise<Late>((lateNow) => lateNow(late())).then(resolve, reject);
    }, ms);
    work.then(
      (done) => {
        clearTimeout(timer);
        resolve(done);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as the work has rejected
        reject(error);
      },
    );
  });
}
