// A service of its own process for seal-order.int.spec.ts: seals until told to stop, and says what was acknowledged. Built
// packages, because no Jest translates TypeScript here.
//   node sealing-process.fixture.mjs <url> <ledger> <anchor as JSON>
// Writes one line of JSON a receipt, before it asks for the next. Ends when its standard input is closed.
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { isUnavailable, openPool } from '@runseal/postgres';
import { Sealer } from '@runseal/ledger';

const [, , url, ledger, anchor] = process.argv;
const pool = openPool({ url, applicationName: `sealing-${process.pid}`, connectionsMax: 2 });
const sealer = new Sealer({ pool, ledger, anchor: JSON.parse(anchor) });
const streams = Array.from({ length: 3 }, () => `run/${randomUUID()}`);
let isStopping = false;
process.stdin.resume().once('end', () => (isStopping = true));

const makeEvent = (n) => ({
  id: randomUUID(),
  type: 'run.metrics-logged',
  version: 1,
  class: 'metrics',
  stream: streams[n % streams.length],
  occurred_at: null,
  producer: null,
  payload: Buffer.from(JSON.stringify({ process: process.pid, n })),
});

/** Sends the same events until they are acknowledged: what a client does whose answer was lost. */
async function sealAtLast(request) {
  for (;;) {
    try {
      return await sealer.seal(request);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function sealOn() {
  for (let n = 0; !isStopping; n += 3) {
    const receipts = await sealAtLast({
      actor: 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa',
      events: [n, n + 1, n + 2].map(makeEvent),
    });
    // To the pipe before anything else: what this process counts as acknowledged outlives its death.
    writeSync(1, receipts.map((receipt) => JSON.stringify(receipt) + '\n').join(''));
  }
}

await Promise.all([sealOn(), sealOn(), sealOn()]);
await pool.end();
