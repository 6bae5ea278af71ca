// A process of the benchmark answers what its parent asks, one JSON message each, and ends with it.

/** @param questions - by name: takes the details, gives what is to be answered, or a promise of it */
export function answering(questions) {
  process.on('disconnect', () => process.exit(1));
  process.on('message', async ({ id, name, details }) => {
    try {
      process.send({ id, answer: await questions[name](details) });
    } catch (error) {
      process.send({ id, fault: String(error?.stack ?? error) });
    }
  });
}

/** Says that questions may come. */
export function ready(told = {}) {
  process.send({ ready: told });
}
