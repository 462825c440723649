import { TestServer } from '@runseal/testing';
import type { AuditRecordAnswer, ComplianceAnswer, Page, RunAnswer } from './answers.js';
import { digestOf, SampleRun } from './events.fixture.js';
import type { ArtifactAnswer } from './graph-answers.js';
import { ServedLineage } from './lineage-service.fixture.js';
import type { LogChunkItem, ResourcesAnswer, ResourceSeries } from './observed-answers.js';

let server: TestServer;
let served: ServedLineage;

beforeAll(async () => {
  server = await TestServer.start();
  served = await ServedLineage.start(server);
}, 60_000);
afterAll(async () => {
  await served?.close();
  await server?.remove();
});

const GIB = 2 ** 30;
const BLANK = 9223372036854775794;
const START_MS = Date.UTC(2026, 0, 26, 10);
const at = (seconds: number): string => new Date(START_MS + 1_000 * seconds).toISOString();
const gpu = (index: number, memory_used_bytes: number | null, more: object = {}) => ({
  ...{ index, name: 'NVIDIA A100', utilization_percent: 90, memory_used_bytes, memory_total_bytes: 80 * GIB },
  ...{ temperature_celsius: 60, power_watts: null, ...more },
});

describe('the resources of a run', () => {
  const run = new SampleRun(1);
  const resources = (query = '') => served.get<ResourcesAnswer>(`/v1/runs/${run.run}/resources${query}`);
  const find = ({ series }: ResourcesAnswer, metric: string, index: number | null = null, host: string | null = 'a') =>
    series.find(
      (one) => one.metric === metric && one.host === host && (one.gpu?.index ?? null) === index,
    ) as ResourceSeries;

  beforeAll(() =>
    served.seal([
      run.started(),
      run.begins(),
      run.sampled([
        { at: at(10), host: 'a', cpu_percent: 50, ram_used_bytes: 3 * GIB, gpus: [gpu(0, 40 * GIB), gpu(1, BLANK)] },
        { at: at(20), host: 'a', cpu_percent: 150, ram_used_bytes: 5 * GIB, gpus: [gpu(0, 76 * GIB), gpu(1, null)] },
      ]),
      // Delivered late, of a machine without GPUs too, and of a clock that nobody told.
      run.sampled([
        { at: at(0), host: 'a', cpu_percent: 10, gpus: [gpu(0, 20 * GIB, { utilization_percent: 30, name: null })] },
        { at: at(5), host: 'b', cpu_percent: 1, ram_total_bytes: 8 * GIB },
        { at: null, host: 'a', cpu_percent: 20 },
      ]),
    ]),
  );

  it('are curves by time, whatever came first', async () => {
    const answer = await resources();
    expect(find(answer, 'memory_used_bytes', 0)).toEqual({
      ...{ host: 'a', gpu: { index: 0, name: 'NVIDIA A100' }, metric: 'memory_used_bytes', unit: 'bytes' },
      points: [
        [START_MS, 20 * GIB],
        [START_MS + 10_000, 40 * GIB],
        [START_MS + 20_000, 76 * GIB],
      ],
      ...{ total: 3, sampled: false, gaps: 0 },
    });
    expect(find(answer, 'cpu_percent').points).toEqual([
      [START_MS, 10],
      [START_MS + 10_000, 50],
      [START_MS + 20_000, null],
      [null, 20],
    ]);
  });

  it('have gaps where nothing was read, or what cannot be, and no curve of gaps alone', async () => {
    const answer = await resources();
    expect(find(answer, 'cpu_percent')).toMatchObject({ total: 4, gaps: 1 });
    expect(find(answer, 'memory_used_bytes', 1)).toBeUndefined();
    expect(find(answer, 'temperature_celsius', 1)).toMatchObject({ total: 2, gaps: 0 });
    expect(answer.series.map(({ metric }) => metric)).not.toContain('power_watts');
    expect(JSON.stringify(answer)).not.toContain('9223372036854775');
  });

  it('come in a few words too: peaks and means', async () => {
    const { summary } = await resources('?points=10');
    expect(summary).toEqual({
      ...{ samples: 5, first_ms: START_MS, last_ms: START_MS + 20_000 },
      machines: [
        {
          ...{ host: 'a', cpu_mean_percent: 80 / 3, ram_peak_bytes: 5 * GIB, ram_total_bytes: null },
          ...{ disk_free_least_bytes: null, process_rss_peak_bytes: null },
        },
        {
          ...{ host: 'b', cpu_mean_percent: 1, ram_peak_bytes: null, ram_total_bytes: 8 * GIB },
          ...{ disk_free_least_bytes: null, process_rss_peak_bytes: null },
        },
      ],
      gpus: [
        {
          ...{ host: 'a', index: 0, name: 'NVIDIA A100', utilization_mean_percent: 70 },
          ...{ memory_peak_bytes: 76 * GIB, memory_total_bytes: 80 * GIB },
          ...{ temperature_peak_celsius: 60, power_mean_watts: null },
        },
        {
          ...{ host: 'a', index: 1, name: 'NVIDIA A100', utilization_mean_percent: 90 },
          ...{ memory_peak_bytes: null, memory_total_bytes: 80 * GIB },
          ...{ temperature_peak_celsius: 60, power_mean_watts: null },
        },
      ],
    });
  });

  it('can be asked for by metric, cut to points that keep the least and greatest', async () => {
    const long = new SampleRun(2);
    const cpu_percent = Array.from({ length: 1_000 }, (_, index) => (index === 333 ? 99 : index === 777 ? 0 : 50));
    const events = Array.from({ length: 10 }, (_, event) =>
      long.sampled(
        cpu_percent
          .slice(100 * event, 100 * (event + 1))
          .map((value, index) => ({ at: at(100 * event + index), cpu_percent: value, ram_used_bytes: 1 })),
      ),
    );
    await served.seal([long.started(), long.begins(), ...events]);
    const path = `/v1/runs/${long.run}/resources?metric=cpu_percent&metric=power_watts&points=20`;
    const { series } = await served.get<ResourcesAnswer>(path);
    expect(series).toHaveLength(1);
    const [cpu] = series as [ResourceSeries];
    expect(cpu).toMatchObject({ total: 1_000, sampled: true });
    expect(cpu.points.length).toBeLessThanOrEqual(20);
    expect(cpu.points).toContainEqual([START_MS + 333_000, 99]);
    expect(cpu.points).toContainEqual([START_MS + 777_000, 0]);
  });

  it('are empty for a run of which nobody sampled, and refused for one that is not there', async () => {
    const bare = new SampleRun(3);
    await served.seal([bare.started()]);
    expect(await served.get<ResourcesAnswer>(`/v1/runs/${bare.run}/resources`)).toEqual({
      run_id: bare.run,
      summary: { samples: 0, first_ms: null, last_ms: null, machines: [], gpus: [] },
      ...{ series: [], omitted: [] },
    });
    const absent = new SampleRun(0xfff).run;
    expect((await served.fetch(`/v1/runs/${absent}/resources`)).status).toBe(404);
    expect((await served.fetch(`/v1/runs/${run.run}/resources?metric=loss`)).status).toBe(400);
    expect((await served.fetch(`/v1/runs/${absent}/logs`)).status).toBe(404);
    expect((await served.fetch(`/v1/runs/${run.run}/logs?cursor=WyJ4Il0`)).status).toBe(400);
  });
});

describe('the logs of a run', () => {
  it('are listed piece by piece with digest and place, by source and page', async () => {
    const run = new SampleRun(4);
    await served.seal([
      run.started(),
      run.begins(),
      ...Array.from({ length: 5 }, (_, chunk) => run.printed(chunk, { location: `logs/stderr-${chunk}.txt` })),
      run.printed(0, { attempt: null, source: 'stdout', location: null, masked: 2 }),
    ]);
    const logs = (query: string) => served.get<Page<LogChunkItem>>(`/v1/runs/${run.run}/logs?${query}`);
    const first = await logs('source=stderr&limit=3');
    expect(first.items.map(({ chunk }) => chunk)).toEqual([0, 1, 2]);
    const second = await logs(`source=stderr&limit=3&cursor=${first.next_cursor}`);
    expect(second).toMatchObject({ items: [{ chunk: 3 }, { chunk: 4 }], next_cursor: null });
    const { items } = await logs('source=stdout');
    expect(items).toEqual([
      {
        ...{ attempt: null, source: 'stdout', chunk: 0, digest: digestOf('log 0'), size_bytes: 65218, lines: 512 },
        ...{ masked: 2, location: null, at: expect.any(String), seq: expect.any(Number) },
      },
    ]);
  });
});

describe('a run with rotated checkpoints and remarks', () => {
  const run = new SampleRun(5);
  const saved = (step: number) =>
    run.event('run.checkpoint-saved', { attempt: run.attempt, step, path: `out/checkpoint-${step}`, digest: null });
  const show = () => served.get<RunAnswer>(`/v1/runs/${run.run}`);

  it('says which checkpoints are no longer there, in the audit record too', async () => {
    const path = 'out/checkpoint-100';
    const deletion = run.event('run.checkpoint-deleted', { attempt: run.attempt, step: 100, path });
    await served.seal([run.started({ recorded: 'afterwards' }), run.begins(), saved(100), saved(200), deletion]);
    const { checkpoints, faults, newest_seq: seq } = await show();
    expect(checkpoints.map(({ step, deleted_seq, deleted_at }) => [step, deleted_seq, deleted_at])).toEqual([
      [100, seq, deletion.occurred_at],
      [200, null, null],
    ]);
    expect(faults).toEqual([]);
    const record = await served.get<AuditRecordAnswer>(`/v1/runs/${run.run}/audit-record`);
    expect(record.training_record.checkpoints.map(({ deleted }) => deleted)).toEqual([true, null]);
  });

  it('shows remarks, and says what they hide', async () => {
    await served.seal([
      run.annotated('nan_inf_filter', true),
      run.annotated('nan_inf_filter', false),
      run.annotated('preflight', 'warnings', 'eval_steps is not a multiple of save_steps'),
    ]);
    const { annotations } = await show();
    expect(annotations.map(({ name, value, text, hides }) => [name, value, text, hides])).toEqual([
      ['nan_inf_filter', true, null, expect.stringContaining('does not show in the curve')],
      ['nan_inf_filter', false, null, null],
      ['preflight', 'warnings', 'eval_steps is not a multiple of save_steps', null],
    ]);
  });
});

describe('an assessed artifact', () => {
  const run = new SampleRun(6);
  const data = digestOf('assessed data');
  const weights = digestOf('assessed weights');
  const artifact = (digest: string, query = '') => served.get<ArtifactAnswer>(`/v1/artifacts/${digest}${query}`);

  it('shows its newest assessment, and that of then as of then', async () => {
    const first = await served.seal([run.started(), run.begins(), run.dataset('train', data), run.assessed(data)]);
    await served.seal([run.assessed(data, { run: null, profile: null })]);
    const newest = await artifact(data);
    expect(newest.assessment).toMatchObject({ kind: 'dataset', profile: null, run_id: null });
    const before = await artifact(data, `?as_of=${first}`);
    expect(before.assessment).toMatchObject({
      ...{ seq: first, run_id: run.run, assessor: { name: 'runseal-py', version: '0.1.0' } },
      profile: { rows: 9000, token_lengths: { unit: 'characters' } },
    });
    expect((await artifact(data, `?as_of=${first - 1}`)).assessment).toBeNull();
  });

  it('says of the final weights whether they are finite, now and as of then', async () => {
    await served.seal([
      run.event('run.output-recorded', { digest: weights, tensors_finite: null, files: null }),
      run.finished(),
    ]);
    const finite = async () =>
      (await served.get<RunAnswer>(`/v1/runs/${run.run}`)).outputs.map(({ facts }) => facts['tensors_finite']);
    expect(await finite()).toEqual([undefined]);
    await served.seal([run.assessed(weights, { kind: 'weights', profile: null, tensors_finite: false })]);
    expect(await finite()).toEqual([false]);
  });

  it('is known also where nobody registered it', async () => {
    const digest = digestOf('only assessed');
    await served.seal([run.assessed(digest)]);
    expect(await artifact(digest)).toMatchObject({ digest, seen: [], assessment: { kind: 'dataset' } });
  });

  it('counts with its run’s producer in an answer as of then', async () => {
    const counted = new SampleRun(7);
    const id = '6f1c2b1e-52a4-4d0b-9c1f-0e6a7b3d2c77';
    const producer = (seq: number) => ({ producer: { id, seq, client: 'runseal-py/0.1.0' } });
    const seq = await served.seal([
      { ...counted.started(), ...producer(0) },
      { ...counted.assessed(data), ...producer(1) },
      { ...counted.finished({ producers: [{ id, count: 3 }] }), ...producer(2) },
    ]);
    const stateOf = async (query: string) => {
      const { controls } = await served.get<ComplianceAnswer>(`/v1/runs/${counted.run}/compliance${query}`);
      return controls.find(({ id: control }) => control.endsWith('producers'))?.state;
    };
    expect(await stateOf('')).toBe('met');
    // What was then is folded anew once something came after it.
    await served.seal([counted.annotated('preflight', null)]);
    expect(await stateOf(`?as_of=${seq}`)).toBe('met');
  });
});
