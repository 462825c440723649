import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRun, type Receipt, type Run } from '@runseal/sdk';
import { TestServer, waitFor } from '@runseal/testing';
import { Site, type IngestProcess } from './site.fixture.js';

let server: TestServer;
let site: Site;
let ingest: IngestProcess;
let spoolDir: string;
const said: string[] = [];

beforeAll(async () => {
  server = await TestServer.start();
  site = await Site.open(await server.createDatabase());
  ingest = await site.start();
}, 60_000);

afterAll(async () => {
  await site?.close();
  await server?.remove();
});

beforeEach(async () => {
  spoolDir = await mkdtemp(join(tmpdir(), 'runseal-spool-'));
  said.length = 0;
});

afterEach(async () => {
  await rm(spoolDir, { recursive: true, force: true });
});

const start = (onReceipts: (receipts: readonly Receipt[]) => void = () => undefined): Promise<Run> =>
  startRun({
    url: ingest.url,
    apiKey: site.key,
    spoolDir,
    experiment: 'e2e',
    say: (line: string) => void said.push(line),
    onReceipts,
  });

const row = (run: Run, step: number) => ({
  type: 'run.metrics-logged' as const,
  payload: {
    attempt: run.attempt,
    rows: [{ kind: 'train' as const, step, n: 0, at: null, epoch: null, values: { loss: 1 / (step + 1) } }],
  },
});

interface Told {
  type: string;
  payload: Record<string, unknown>;
}

/** What the ledger tells of a run, in order. */
async function tellOf(run: Run): Promise<Told[]> {
  const records = (await site.records()).filter(({ stream }) => stream === `run/${run.id}`);
  return records.map(({ type, payload }) => ({
    type,
    payload: JSON.parse(payload!.toString()) as Record<string, unknown>,
  }));
}

const stepsOf = (told: readonly Told[]) =>
  told
    .filter(({ type }) => type === 'run.metrics-logged')
    .flatMap(({ payload }) => (payload['rows'] as { step: number }[]).map(({ step }) => step));

describe('the client against a real ingest', () => {
  it.each([
    ['a secret', 'secret_detected', 10_000, { note: 'AKIAIOSFODNN7EXAMPLE' }],
    ['half a character', 'invalid_encoding', 1_000, { note: 'cut \ud83d' }],
  ])(
    'delivers all events but the one that holds %s, which lies in refused and is declared',
    async (_what, code, count, parameters) => {
      const run = await start();
      let poison: string | null = null;
      for (let step = 0; step < count; step++) {
        if (step === 321)
          poison = run.record({
            type: 'run.parameters-recorded',
            payload: { attempt: run.attempt, parameters, asserted: [] },
          });
        else expect(run.record(row(run, step))).not.toBeNull();
      }
      const delivery = await run.finish({ completed_steps: count });
      const told = await tellOf(run);
      expect(stepsOf(told)).toEqual(Array.from({ length: count }, (_, step) => step).filter((step) => step !== 321));
      expect(poison).not.toBeNull();
      expect(delivery).toMatchObject({ complete: true, spooled: 0, setAside: 1 });
      expect(await readdir(join(spoolDir, 'refused'))).toEqual([`${poison}.json`]);
      const kept = JSON.parse(await readFile(join(spoolDir, 'refused', `${poison}.json`), 'utf8')) as {
        code: string;
      };
      expect(kept.code).toBe(code);
      const dropped = told.find(({ type }) => type === 'run.events-dropped')?.payload;
      expect(dropped?.['set_aside']).toEqual([
        expect.objectContaining({ id: poison, type: 'run.parameters-recorded', code }),
      ]);

      expect(told.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['run.started', 'run.events-dropped', 'run.finished']),
      );
    },
    60_000,
  );

  it('delivers what it spooled while ingest was away, once and in order, the end too', async () => {
    let receipts = 0;
    const run = await start((some) => void (receipts += some.length));
    const { port } = ingest;
    let step = 0;
    const log = (count: number) => {
      for (const end = step + count; step < end; step++) run.record(row(run, step));
    };
    log(200);
    await waitFor('first receipts', () => receipts > 100);
    await ingest.kill();
    log(500);
    expect((await run.flush(500)).complete).toBe(false);
    ingest = await site.start({ port });
    log(200);
    // Killed in the middle of what it takes, with answers under way.
    const before = receipts;
    await waitFor('more receipts', () => receipts > before, 60_000);
    log(2_000);
    await ingest.kill();
    ingest = await site.start({ port });
    expect(await run.finish({ completed_steps: step })).toMatchObject({ complete: true, spooled: 0, setAside: 0 });
    const told = await tellOf(run);
    expect(stepsOf(told)).toEqual(Array.from({ length: step }, (_, n) => n));
    expect([told[0]?.type, told.at(-1)?.type]).toEqual(['run.started', 'run.finished']);
    const producers = told.at(-1)?.payload['producers'] as { count: number }[];
    expect(producers).toEqual([expect.objectContaining({ count: told.length })]);
  }, 90_000);

  it('loses nothing over a graceful restart of ingest under its events', async () => {
    const run = await start();
    for (let step = 0; step < 1_500; step++) run.record(row(run, step));
    const { port } = ingest;
    ingest.signal('SIGTERM');
    expect(await ingest.exited).toBe(0);
    ingest = await site.start({ port });
    expect((await run.finish()).complete).toBe(true);
    expect(stepsOf(await tellOf(run))).toEqual(Array.from({ length: 1_500 }, (_, step) => step));
  }, 60_000);

  it('leaves an intact ledger', async () => {
    await site.expectIntact();
  }, 30_000);
});
