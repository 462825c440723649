import { readFileSync } from 'node:fs';
import type { EventType } from '@runseal/contracts';
import { TestServer } from '@runseal/testing';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { type ServedGates, Site } from '../gates-site.fixture.js';
import { assessed, digestOf, registered, SampleRun, SOUND_ROWS, type Told } from '../sample-run.fixture.js';

const TRAINER = 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa';
const examples = new URL('../../../../libs/contracts/examples/', import.meta.url);
const exampleOf = (type: EventType): Told =>
  JSON.parse(readFileSync(new URL(`${type}.v1.json`, examples), 'utf8')) as Told;

let server: TestServer;
let site: Site;
let served: ServedGates;

beforeAll(async () => {
  server = await TestServer.start();
  site = await Site.open(server);
  served = await site.serve();
}, 60_000);
afterAll(async () => {
  await served?.close();
  await site?.close();
  await server?.remove();
});

/** What may come of one run, and of what stands beside it, in any order and any number of times. */
function eventsOf(sample: SampleRun): Told[] {
  const stranger = uuidv7();
  const told = (type: EventType) => ({ ...exampleOf(type), stream: sample.stream });
  const model = (type: EventType) => ({ ...exampleOf(type), stream: `model/${sample.model}` });
  const policy = (type: EventType) => ({ ...exampleOf(type), stream: `policy/${sample.model}` });
  return [
    ...sample.whole(),
    sample.begins(stranger, { attempt: uuidv7(), step: 5 }),
    sample.logged(
      [
        { step: -1.5, loss: 'NaN' },
        { step: null, kind: 'summary', train_loss: 2 },
      ],
      stranger,
    ),
    sample.logged([{ step: 100, kind: 'eval', eval_loss: 'Infinity', n: 3 }, ...SOUND_ROWS.slice(2, 4)]),
    registered('base', sample.run),
    registered(`own ${sample.run}`, sample.run),
    assessed(`own ${sample.run}`, sample.run, false),
    assessed('weights', sample.run, true),
    { ...exampleOf('artifact.assessed') },
    ...(['run.failed', 'run.killed', 'run.events-dropped', 'run.checkpoint-saved', 'run.evaluated'] as const).map(told),
    ...(['run.resources-sampled', 'run.log-captured', 'run.checkpoint-deleted', 'run.annotated'] as const).map(told),
    ...(['run.warnings-accepted', 'run.gate-overridden', 'run.gates-evaluated', 'run.lost'] as const).map(told),
    ...(['model.version-registered', 'model.tags-set', 'model.approval-given'] as const).map(model),
    policy('policy.baseline-set'),
    policy('policy.published'),
    sample.told('run.output-recorded', {
      ...{ role: 'weights', type: 'lora', path: 'late', digest: digestOf(`own ${sample.run}`), size_bytes: null },
      ...{ files: null, tensors_finite: false, asserted: [] },
    }),
  ].map(({ type, stream, payload, occurred_at = null, id }) => ({
    ...{ type, stream, payload, occurred_at },
    // An attempt is named by its event; the others’ ids are the examples’ own.
    id: type === 'run.attempt-started' && id ? id : uuidv7(),
  }));
}

describe('whatever fits its schema, in any order and doubled', () => {
  it('is projected, judged and shown, and comes out the same whatever the batches were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), async (random) => {
        const next = () => random.next().value as number;
        const [one, other] = [new SampleRun(), new SampleRun()];
        const events = [...eventsOf(one), ...eventsOf(other)]
          .flatMap((told) => (next() < 0.15 ? [told, { ...told, id: uuidv7() }] : [told]))
          .map((told) => ({ told, place: next() }))
          .sort((a, b) => a.place - b.place)
          .map(({ told }) => told);
        await site.seal(events, TRAINER);
        await served.settle();
      }),
      { numRuns: 6 },
    );
    const { stopped, trouble } = await served.gates.parts.reader.find();
    expect([stopped, trouble]).toEqual([null, null]);
    const judged = await site.superuser.query('select from gates_v1.verdicts where until_seq is null');
    expect(judged.rowCount).toBeGreaterThanOrEqual(12);
    for (const recordsMax of [1, 13, 2_000]) {
      const { outcome, differing } = await site.rebuild(recordsMax);
      expect([outcome, differing]).toEqual(['swapped', []]);
    }
  }, 120_000);

  it('keeps every row, of undeclared attempts and with repeated keys too', async () => {
    const { rows } = await site.superuser.query<{ rows: number; logged: number }>(
      `select (select count(*)::int from gates_v1.metric_rows) as rows,
         (select sum(json_array_length(convert_from(payload, 'UTF8')::json -> 'rows'))::int
          from ledger.sealed_records where type = 'run.metrics-logged') as logged`,
    );
    expect(rows[0]?.rows).toBe(rows[0]?.logged);
  });
});
