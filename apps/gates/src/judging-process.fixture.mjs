// Gates without HTTP in a process of its own for dying.int.spec.ts. Built packages, because no Jest translates TypeScript here.
//   node judging-process.fixture.mjs <url> <heads> <signal> <moment>
// Follows the ledger `default` and judges. Sends itself the signal once, at the moment: `rows` (the run's end is projected, its
// position is not), `before` (the position is committed, the verdict is not sealed), `after` (the verdict is sealed, reading has
// not gone on), `never`. Writes a line when it reads, and one for each position at which it has decided.
import { writeSync } from 'node:fs';
import { DirectoryHeadStore, LedgerFeed, SealingDoor } from '@runseal/ledger';
import { gatesProjection } from '@runseal/gates';
import { openPool } from '@runseal/postgres';
import { Projector, schemaOf } from '@runseal/projections';
import { Decider } from '../dist/deciding/decider.js';

const [, , url, heads, signal, moment] = process.argv;
let isSent = false;
const send = () => {
  if (isSent) return;
  isSent = true;
  writeSync(1, 'signal\n');
  process.kill(process.pid, signal);
};
const ledger = 'default';
const pool = openPool({ url, applicationName: 'judging', connectionsMax: 4, searchPath: schemaOf(gatesProjection) });
const door = new SealingDoor({ pool, ledger, store: new DirectoryHeadStore(heads), onState: () => undefined });
await door.open();
const log = {
  info: () => undefined,
  warn: () => undefined,
  error: (...words) => writeSync(2, `${JSON.stringify(words)}\n`),
};
const seal = async (request) => {
  if (moment === 'before') send();
  const receipts = await door.seal(request);
  if (moment === 'after') send();
  return receipts;
};
const decider = new Decider({ pool, door: { seal }, ledger, log });
const projection = {
  ...gatesProjection,
  apply: async (records, connection) => {
    const taken = await gatesProjection.apply(records, connection);
    if (moment === 'rows' && records.slice(0, taken).some(({ type }) => type === 'run.finished')) send();
    return taken;
  },
};
const afterCommit = async (position) => {
  await decider.decideAt(position);
  writeSync(1, `at ${position.seq}\n`);
};
const projector = new Projector({ pool, projection, ledger, afterCommit });
await projector.prepare();
await new LedgerFeed({ pool, url, poll_ms: 50 }).start(projector);
writeSync(1, 'reading\n');
