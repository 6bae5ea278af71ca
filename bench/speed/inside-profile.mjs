import inspector from 'node:inspector/promises';
import { writeFile } from 'node:fs/promises';

const INTERVAL_MICROSECONDS = 200;

/** V8's sampling profiler, switched on when everything is warm. */
export function profileQuestions() {
  const session = new inspector.Session();
  return {
    async startProfile() {
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_MICROSECONDS });
      await session.post('Profiler.start');
    },
    async stopProfile({ file }) {
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      await writeFile(file, JSON.stringify(profile));
    },
  };
}
