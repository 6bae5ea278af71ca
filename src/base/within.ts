/**
 * Waits for work, but no longer than `ms`; a later result is ignored.
 * @param late - gives or throws the result that counts instead; if it gives a promise, the work may still be done
 * before that
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
