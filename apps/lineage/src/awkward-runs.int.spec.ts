import { TestServer } from '@runseal/testing';
import type { MetricsAnswer, RunAnswer } from './answers.js';
import { idOf, SampleRun, type SampleEvent } from './events.fixture.js';
import { ServedLineage } from './lineage-service.fixture.js';

let server: TestServer;
let served: ServedLineage;
let number = 0;

beforeAll(async () => {
  server = await TestServer.start();
  served = await ServedLineage.start(server);
}, 60_000);
afterAll(async () => {
  await served?.close();
  await server?.remove();
});

const newRun = () => new SampleRun((number += 1));
/** Recorded afterwards, so that the examples' times are of no account. */
const beginning = (run: SampleRun): SampleEvent[] => [run.started({ recorded: 'afterwards' }), run.begins()];

/** Seals the events and returns the run as it is shown, and its faults by kind. */
async function storyOf(run: SampleRun, events: readonly SampleEvent[]) {
  const last = await served.seal(events);
  const answer = await served.get<RunAnswer>(`/v1/runs/${run.run}`);
  return { answer, last, faults: new Map(answer.faults.map((fault) => [fault.kind, fault])) };
}
const curve = async (run: SampleRun, key: string) =>
  (await served.get<MetricsAnswer>(`/v1/runs/${run.run}/metrics?key=${encodeURIComponent(key)}`)).series[0];

describe('a run that is recorded badly is shown with its faults:', () => {
  it('metrics before the start', async () => {
    const run = newRun();
    const rows = run.logged([{ step: 1, loss: 2 }]);
    const { answer, last, faults } = await storyOf(run, [rows, ...beginning(run)]);
    expect(answer).toMatchObject({ state: 'running', started_seq: last - 1, progress: { step: 1 } });
    expect(faults.get('before_start')).toMatchObject({ seq: last - 2 });
    expect(faults.has('attempt_unknown')).toBe(true);
    expect((await curve(run, 'loss'))?.points).toEqual([[1, 2]]);
  });

  it('a run that nobody started', async () => {
    const run = newRun();
    const { answer, faults } = await storyOf(run, [run.finished()]);
    expect(answer).toMatchObject({ name: null, experiment: null, model: null, started_at: null });
    expect(faults.has('unknown_run')).toBe(true);
  });

  it('two endings', async () => {
    const run = newRun();
    const { faults, last } = await storyOf(run, [
      ...beginning(run),
      run.finished(),
      run.event('run.failed', { producers: [] }),
    ]);
    expect(faults.get('two_endings')).toMatchObject({ seq: last });
  });

  it('rows after the end', async () => {
    const run = newRun();
    const { faults, last } = await storyOf(run, [
      ...beginning(run),
      run.finished(),
      run.logged([{ step: 1, loss: 2 }]),
    ]);
    expect(faults.get('after_end')).toMatchObject({ seq: last });
  });

  it('steps that are negative, fractional or falling', async () => {
    const run = newRun();
    const rows = run.logged([
      { step: -1, loss: 3 },
      { step: 2.5, loss: 2 },
      { step: 2, loss: 1 },
      { step: 1e300, loss: 0.5 },
    ]);
    const { faults } = await storyOf(run, [...beginning(run), rows]);
    for (const kind of ['step_negative', 'step_fractional', 'step_falling']) expect(faults.has(kind)).toBe(true);
    expect((await curve(run, 'loss'))?.points).toEqual([
      [-1, 3],
      [2, 1],
      [2.5, 2],
      [1e300, 0.5],
    ]);
  });

  it('10,000 metric names', async () => {
    const run = newRun();
    const logged = Array.from({ length: 10 }, (_, event) =>
      run.logged([
        {
          step: event,
          ...Object.fromEntries(Array.from({ length: 1_000 }, (__, key) => [`metric ${1_000 * event + key}`, key])),
        },
      ]),
    );
    const { faults } = await storyOf(run, [...beginning(run), ...logged]);
    expect(faults.has('too_many_metrics')).toBe(true);
    expect((await curve(run, 'metric 9999'))?.points).toEqual([[9, 999]]);
    const all = await served.get<MetricsAnswer>(`/v1/runs/${run.run}/metrics`);
    expect([all.series.length, all.omitted.length]).toEqual([100, 9_900]);
  });

  it('rows under a key that was there: the first one stays, in one event or in several', async () => {
    const run = newRun();
    const events = [
      run.logged([
        { step: 1, loss: 3 },
        { step: 2, loss: 2 },
        { step: 2, loss: 99 },
      ]),
      run.logged([{ step: 3, loss: 1 }]),
      run.logged([
        { step: 1, loss: 99 },
        { step: 2, n: 1, loss: 5 },
        { kind: 'summary', step: null, total: 1 },
      ]),
      run.logged([
        { kind: 'summary', step: null, total: 99 },
        { kind: 'eval', step: 1, loss: 7 },
      ]),
    ];
    const { faults, answer, last } = await storyOf(run, [...beginning(run), ...events]);
    expect(faults.get('row_repeated')).toMatchObject({ count: 3, seq: last - 3 });
    expect((await curve(run, 'loss'))?.points).toEqual([
      [1, 3],
      [2, 2],
      [2, 5],
      [3, 1],
    ]);
    expect((await curve(run, 'total'))?.points).toEqual([[null, 1]]);
    expect(answer.summary).toMatchObject({ initial_loss: 3, final_loss: 1 });
  });

  it('values that are no numbers', async () => {
    const run = newRun();
    const rows = run.logged([
      { step: 1, loss: 1e17, grad_norm: 'NaN' },
      { step: 2, loss: 'Infinity', grad_norm: '-Infinity' },
      { step: 3, loss: -0, grad_norm: 5e-324 },
    ]);
    const events = [...beginning(run), rows, run.logged([{ step: 4, loss: 'NaN' }])];
    const { answer } = await storyOf(run, events);
    expect(await curve(run, 'loss')).toMatchObject({
      points: [
        [1, 1e17],
        [2, 'Infinity'],
        [3, 0],
        [4, 'NaN'],
      ],
      nonfinite: 2,
    });
    expect((await curve(run, 'grad_norm'))?.points).toEqual([
      [1, 'NaN'],
      [2, '-Infinity'],
      [3, 5e-324],
    ]);
    expect(answer.summary.final_loss).toBe('NaN');
    const { diagnosis } = await served.get<MetricsAnswer>(`/v1/runs/${run.run}/metrics?key=loss`);
    expect(diagnosis).toMatchObject({ verdict: 'broken', since_step: 1 });
  });

  it('an artifact in the course of a run that nobody recorded: it makes no run', async () => {
    const run = idOf(0xabcdef0);
    await served.seal([
      {
        type: 'artifact.registered',
        stream: `artifact/sha256:${'a'.repeat(64)}`,
        payload: {
          ...{ form: null, kind: null, name: null, location: null, size_bytes: null, files: null, run, asserted: [] },
        },
      },
    ]);
    await served.get('/v1/runs');
    expect((await served.fetch(`/v1/runs/${run}`)).status).toBe(404);
  });
});
