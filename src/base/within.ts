/**
 * Waits for work, but no longer than `ms`; what comes of it later counts for nothing.
 * @param late - gives what counts instead, or throws it; of a promise, what it comes to, unless the work is sooner
 */
export async function within<Done, Late>(
  ms: number,
  work: Promise<Done>,
  late: () => Late | Promise<Late>,
): Promise<Done | Late> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  }).then(late);
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}
