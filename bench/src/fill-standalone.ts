import { Ingest } from '@runseal/ingest';
import { startStandalone } from '@runseal/standalone';
import { waitFor } from '@runseal/testing';
import { metricsToSeal, runStream } from './metrics-events.js';

const EVENTS = 500;
const AT_ONCE = 4;
const RUN_RECORDS = 1_000;
const HEAD_LIMIT_MS = 300_000;

// Seals so many records into a new standalone by its own door, without HTTP before it, and waits for the head over them.
const [data = '', count = ''] = process.argv.slice(2);
const standalone = await startStandalone({ port: 0, data });
const { door, head } = standalone.service.app.get(Ingest, { strict: false }).parts;
let next = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (next < Number(count)) {
      const first = next;
      next += EVENTS;
      const events = Array.from({ length: EVENTS }, (_, at) =>
        metricsToSeal(first + at, runStream(Math.floor((first + at) / RUN_RECORDS))),
      );
      await door.seal({ actor: 'p_abcdefghijklmnopqrstuvwxyz', events });
    }
  }),
);
await waitFor('the head', async () => ((await head.find())?.head.size ?? 0) > next, HEAD_LIMIT_MS);
await standalone.close();
process.exit(0);
