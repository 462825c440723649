// A projector in its own process for dying.int.spec.ts. Built packages, because no Jest translates TypeScript here.
//   node projecting-process.fixture.mjs <url> <signal> <batch>
// Follows the ledger `default`, and sends itself the signal when it has written the rows of that batch, but not the position.
// Writes a line when it reads, and one for each batch that it has committed.
import { writeSync } from 'node:fs';
import { LedgerFeed } from '@runseal/ledger';
import { lineageProjection } from '@runseal/lineage';
import { openPool } from '@runseal/postgres';
import { Projector } from '@runseal/projections';

const [, , url, signal, batch] = process.argv;
let batches = 0;
const projection = {
  ...lineageProjection,
  apply: async (records, connection) => {
    const taken = await lineageProjection.apply(records, connection);
    batches += 1;
    if (batches === Number(batch)) process.kill(process.pid, signal);
    return taken;
  },
};
const pool = openPool({ url, applicationName: 'projecting', connectionsMax: 3 });
const afterCommit = async ({ seq }) => writeSync(1, `at ${seq}\n`);
const projector = new Projector({ pool, projection, ledger: 'default', recordsMax: 20, afterCommit });
await projector.prepare();
await new LedgerFeed({ pool, url, poll_ms: 50 }).start(projector);
writeSync(1, 'reading\n');
