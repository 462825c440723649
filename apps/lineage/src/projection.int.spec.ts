import { eventTypes, isPayload, type EventType } from '@runseal/contracts';
import { rebuild } from '@runseal/projections';
import { TestServer } from '@runseal/testing';
import fc from 'fast-check';
import { digestOf, exampleOf, idOf, SampleModel, SampleRun, type SampleEvent } from './events.fixture.js';
import { LineageDatabase } from './lineage-database.fixture.js';
import { MemoryLedger } from './memory-ledger.fixture.js';
import { lineageProjection } from './projection.js';

describe('the projection', () => {
  let server: TestServer;
  let database: LineageDatabase;

  beforeAll(async () => {
    server = await TestServer.start();
    database = await LineageDatabase.open(server);
  }, 60_000);
  afterAll(async () => {
    await database?.close();
    await server?.remove();
  });
  beforeEach(() => database.clear());

  it('takes every published example', async () => {
    const ledger = new MemoryLedger();
    for (const type of Object.keys(eventTypes) as EventType[]) ledger.seal(exampleOf(type));
    const projector = await database.project(ledger);
    expect((await projector.readPosition())?.seq).toBe(ledger.records.length - 1);
  });

  it('holds the same rows whatever the order, the doubles and the batches, live and built anew', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: events.length - 1 }), { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 1, max: 40 }),
        async (picks, recordsMax) => {
          const ledger = new MemoryLedger();
          picks.forEach((pick, index) =>
            ledger.seal({ ...(events[pick] as SampleEvent), id: idOf(0xf0000000 + index) }),
          );
          await database.clear();
          await database.project(ledger, recordsMax);
          const inBatches = await database.digest();
          const { pool } = database;
          const report = await rebuild({ pool, projection: lineageProjection, ledger: 'default', source: ledger });
          expect(report.differing).toEqual([]);
          expect(report.after.digest).toBe(inBatches.digest);
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);
});

/** Events of two runs and a model that touch one another in every way, none of them in its place. */
const events: readonly SampleEvent[] = madeEvents();

function gpu(index: number, memory_used_bytes = 2 ** 30) {
  return {
    ...{ index, name: null, utilization_percent: 97.5, memory_used_bytes, memory_total_bytes: 2 ** 31 },
    ...{ temperature_celsius: null, power_watts: null },
  };
}

function madeEvents(): SampleEvent[] {
  const [one, two] = [new SampleRun(1), new SampleRun(2)];
  const model = new SampleModel('assistant', 1, 0x900000);
  const file = digestOf('file');
  const folder = digestOf('folder');
  const commit = 'a'.repeat(40);
  const ofRun = (run: SampleRun): SampleEvent[] => [
    run.started(),
    run.begins(),
    run.begins({}, idOf(run.number * 0x10000 + 0xfff)),
    run.logged([
      { step: 1, loss: 3 },
      { step: 2, loss: 'NaN', grad_norm: 1 },
    ]),
    run.logged([
      { step: 2, loss: 2 },
      { step: 1.5, loss: 1 },
      { step: -3, loss: 0 },
    ]),
    run.logged([
      { kind: 'eval', step: 2, eval_loss: 1, epoch: 1 },
      { kind: 'summary', step: null, train_loss: 1 },
    ]),
    run.logged([{ step: 1e300, loss: 1e17, 'löss "x"': -0 }], idOf(run.number * 0x10000 + 0xfff)),
    run.baseModel(folder, { source: 'hub/base', revision: commit }),
    run.baseModel(null, { source: 'hub/base', revision: commit }),
    run.baseModel(digestOf('other base')),
    run.baseModel(file),
    run.dataset('train', digestOf('data')),
    run.dataset('train', digestOf('corrected data')),
    run.dataset('test', digestOf('data'), { name: 'held out', version: 'v1' }),
    run.dataset(null, null, { name: 'unhashed', version: 'v1' }),
    run.config(digestOf('config'), commit),
    run.output(folder, [
      { path: 'a', digest: file },
      { path: 'b', digest: null },
    ]),
    run.output(null, [{ path: 'a', digest: file }]),
    run.event('run.checkpoint-saved', { attempt: run.attempt, digest: digestOf('checkpoint') }),
    run.event('run.checkpoint-deleted', { attempt: run.attempt, path: null, step: 2000 }),
    run.event('run.checkpoint-deleted', {}),
    run.event('run.resources-sampled', {}),
    run.sampled([
      { at: '2026-01-26T10:30:00Z', host: 'a', gpus: [gpu(0), gpu(1, 9223372036854775794)] },
      { host: 'b', ram_used_bytes: 1 },
      { at: '2026-01-26T10:30:01Z', host: 'a', gpus: [gpu(0), gpu(1)] },
    ]),
    run.printed(0),
    run.printed(0, { attempt: null, source: 'stdout', location: null }),
    run.annotated('nan_inf_filter', true),
    run.annotated('preflight', null, 'two warnings'),
    run.assessed(folder, { kind: 'weights', profile: null, tensors_finite: true }),
    run.assessed(folder, { kind: 'weights', profile: null, tensors_finite: false }),
    run.assessed(digestOf('data')),
    run.assessed(file, { run: null }),
    run.event('run.parameters-recorded', {}),
    run.event('run.environment-recorded', { lock_digest: digestOf('lock') }),
    run.event('run.events-dropped', {}),
    run.evaluated(folder, digestOf('held out')),
    run.evaluated(null, digestOf('held out')),
    run.judged('blocked'),
    run.judged('warnings'),
    run.event('run.warnings-accepted', {}),
    run.event('run.gate-overridden', {}),
    run.finished(),
    run.event('run.failed', {}),
    run.event('run.killed', {}),
    run.event('run.lost', {}),
    model.registered(run.run, folder),
  ];
  const more: SampleEvent[] = [
    model.registered(one.run, null),
    model.moved('Candidate', idOf(1)),
    model.moved('Production'),
    model.approved('p_bbbbbbbbbbbbbbbbbbbbbbbbbb'),
    exampleOf('model.approval-refused'),
    exampleOf('model.tags-set'),
    exampleOf('policy.published'),
    { ...exampleOf('artifact.registered'), stream: `artifact/${folder}` },
    { ...exampleOf('artifact.registered'), stream: `artifact/${file}` },
  ];
  const all = [...ofRun(one), ...ofRun(two), ...more];
  for (const { type, payload } of all) {
    if (!isPayload(type, 1, payload)) throw new Error(`not a payload of ${type}: ${JSON.stringify(payload)}`);
  }
  return all;
}
