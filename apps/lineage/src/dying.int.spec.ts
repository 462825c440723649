import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LedgerFeed, LedgerRecordSource } from '@runseal/ledger';
import { rebuild } from '@runseal/projections';
import { TestServer, waitFor } from '@runseal/testing';
import { SampleRun, type SampleEvent } from './events.fixture.js';
import { SealedLedger } from './sealed-ledger.fixture.js';
import { lineageProjection } from './projection.js';

const SCRIPT = fileURLToPath(new URL('./projecting-process.fixture.mjs', import.meta.url));

let server: TestServer;
let ledger: SealedLedger;
const children: ChildProcess[] = [];

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
beforeEach(async () => {
  ledger = await SealedLedger.open(server);
  // A paused process loses its session after this, instead of after 10 s.
  await ledger.database.superuser.query(`alter role runseal_lineage set idle_in_transaction_session_timeout = '1s'`);
}, 60_000);
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await ledger.close();
});
afterAll(() => server?.remove());

const manyEvents = (from: number, to: number): SampleEvent[] =>
  Array.from({ length: to - from }, (_, index) => {
    const run = new SampleRun(from + index);
    return [run.started(), run.begins(), run.logged([{ step: 1, loss: 2 }]), run.output(`sha256:${'a'.repeat(64)}`)];
  }).flat();

/** Projects in a process of its own, which signals itself between the rows and the position of a batch. */
function project(signal: 'SIGKILL' | 'SIGSTOP', batch: number) {
  const { lineageUrl } = ledger.database;
  const child = spawn(process.execPath, [SCRIPT, lineageUrl, signal, String(batch)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines: string[] = [];
  child.stdout.on('data', (bytes: Buffer) => lines.push(...bytes.toString().trimEnd().split('\n')));
  return { child, lines };
}

const findPosition = async (): Promise<number> => {
  const result = await ledger.database.pool.query<{ seq: number | null }>('select seq from position');
  return result.rows[0]?.seq ?? -1;
};

/** What the tables hold is what the ledger gives when it is projected anew. */
async function expectWhole(): Promise<void> {
  const { pool } = ledger.database;
  const source = new LedgerRecordSource(pool);
  const report = await rebuild({ pool, projection: lineageProjection, ledger: 'default', source });
  expect(report).toMatchObject({ outcome: 'swapped', differing: [] });
}

it('a projector that is killed between rows and position loses nothing and applies nothing twice', async () => {
  const last = await ledger.seal(manyEvents(1, 31));
  const { child, lines } = project('SIGKILL', 3);
  await waitFor('its death', () => child.signalCode === 'SIGKILL');
  expect(lines.filter((line) => line.startsWith('at '))).toEqual(['at 19', 'at 39']);
  expect(await findPosition()).toBe(39);
  const next = project('SIGKILL', -1);
  await waitFor('the next process to catch up', async () => (await findPosition()) === last);
  expect(next.lines).toContain(`at ${last}`);
  await expectWhole();
}, 60_000);

it('a projector that was paused while another one went on applies nothing when it continues', async () => {
  const first = await ledger.seal(manyEvents(1, 31));
  const paused = project('SIGSTOP', 3);
  await waitFor('two batches', () => paused.lines.includes('at 39'));
  const other = await ledger.database.projector({ recordsMax: 20 });
  const { lineageUrl: url, pool } = ledger.database;
  const reading = await new LedgerFeed({ pool, url, poll_ms: 50 }).start(other);
  try {
    await waitFor('the other one to catch up', async () => (await findPosition()) === first, 30_000);
    paused.child.kill('SIGCONT');
    const last = await ledger.seal(manyEvents(31, 41));
    await waitFor('both to go on', async () => (await findPosition()) === last, 30_000);
    await waitFor(
      'the paused one to be itself again',
      async () => {
        await ledger.seal(manyEvents(41, 42).map(({ id: _, ...event }) => event));
        return paused.lines.some((line) => line.startsWith('at ') && Number(line.slice(3)) > last);
      },
      30_000,
    );
    expect(paused.lines.filter((line) => line === 'at 59')).toEqual([]);
  } finally {
    await reading.stop();
  }
  paused.child.kill('SIGKILL');
  await expectWhole();
}, 120_000);
