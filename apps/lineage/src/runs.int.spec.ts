import { TestServer, waitFor } from '@runseal/testing';
import { parse } from 'yaml';
import type {
  AuditRecordAnswer,
  ChecklistAnswer,
  ComplianceAnswer,
  ExperimentItem,
  MetricsAnswer,
  Page,
  RunAnswer,
  RunItem,
} from './answers.js';
import { digestOf, idOf, SampleRun } from './events.fixture.js';
import type { CompareAnswer } from './graph-answers.js';
import { ServedLineage } from './lineage-service.fixture.js';

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

/** A run that resumes once, its rows, and its end. */
function resumedRun(number: number): { run: SampleRun; second: string; events: Parameters<ServedLineage['seal']>[0] } {
  const run = new SampleRun(number);
  const second = idOf(number * 0x10000 + 0x800);
  const rows = (from: number, to: number, offset: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => ({
      step: from + index,
      loss: offset + 1 / (from + index),
      grad_norm: 1,
      epoch: (from + index) / 100,
    }));
  const events = [
    run.started({
      experiment: `experiment ${number % 2}`,
      target_model: null,
      name: `named ${number}`,
      recorded: 'afterwards',
    }),
    run.begins({ total_steps: 100 }),
    run.logged(rows(1, 60, 10)),
    run.begins({ resumes: { attempt: run.attempt, step: 50 }, total_steps: 100 }, second),
    run.logged([...rows(51, 100, 0), { kind: 'eval', step: 100, eval_loss: 0.5 }], second),
    run.baseModel(digestOf('base'), { source: 'hub/base', revision: 'a'.repeat(40) }),
    run.dataset('train', digestOf('data')),
    run.output(digestOf(`weights ${number}`)),
    run.finished({
      attempt: second,
      total_steps: 100,
      completed_steps: 100,
      final_weights: { attempt: second, step: 100 },
    }),
  ];
  return { run, second, events };
}

describe('a run', () => {
  const { run, second, events } = resumedRun(1);
  beforeAll(() => served.seal(events));

  it('tells state, attempts, progress and losses', async () => {
    const answer = await served.get<RunAnswer>(`/v1/runs/${run.run}`);
    expect(answer).toMatchObject({
      state: 'finished',
      experiment: 'experiment 1',
      progress: { step: 100, total: 100 },
      weights: { attempt: second, step: 100 },
      summary: { initial_loss: 11, final_loss: 0.01, final_eval_loss: 0.5, rows: 111 },
      attempts: [
        { attempt: run.attempt, number: 1, resumes: null, is_behind_weights: true },
        { attempt: second, number: 2, resumes: { attempt: run.attempt, step: 50 }, is_behind_weights: true },
      ],
      inputs: [
        { kind: 'base_model', digest: digestOf('base') },
        { kind: 'dataset', role: 'train' },
      ],
      outputs: [{ kind: 'weights', digest: digestOf('weights 1') }],
      verdict: null,
      model: null,
      faults: [],
    });
  });

  it('names its newest verdict and the acceptance of that one', async () => {
    const judged = run.judged('warnings');
    await served.seal([judged, run.event('run.warnings-accepted', { verdict: judged.id as string, reason: 'known' })]);
    const { verdict } = await served.get<RunAnswer>(`/v1/runs/${run.run}`);
    expect(verdict).toMatchObject({
      verdict_id: judged.id,
      overall: 'warnings',
      unmet: ['G3'],
      acceptance: { reason: 'known' },
    });
    await served.seal([run.judged('passed')]);
    const again = await served.get<RunAnswer>(`/v1/runs/${run.run}`);
    expect(again.verdict).toMatchObject({ overall: 'passed', acceptance: null });
  });

  it('shows of each step the last attempt’s row', async () => {
    const { series } = await served.get<MetricsAnswer>(`/v1/runs/${run.run}/metrics?key=loss`);
    const [loss] = series;
    expect(series).toHaveLength(1);
    expect(loss).toMatchObject({ key: 'loss', kind: 'train', total: 100, sampled: false, nonfinite: 0 });
    expect(loss?.points[0]).toEqual([1, 11, 0.01]);
    expect(loss?.points[49]).toEqual([50, 10.02, 0.5]);
    expect(loss?.points[50]).toEqual([51, 1 / 51, 0.51]);
  });

  it('cuts curves to steps and to points', async () => {
    const path = `/v1/runs/${run.run}/metrics?key=loss&from=20&to=79&points=10`;
    const { series } = await served.get<MetricsAnswer>(path);
    expect(series[0]).toMatchObject({ total: 60, sampled: true });
    expect(series[0]?.points.length).toBeLessThanOrEqual(10);
    expect([series[0]?.points[0]?.[0], series[0]?.points.at(-1)?.[0]]).toEqual([20, 79]);
  });

  it('gives every raw point of all attempts as CSV', async () => {
    const response = await served.fetch(`/v1/runs/${run.run}/metrics?format=csv&key=loss`);
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [head, ...lines] = (await response.text()).trimEnd().split('\n');
    expect(head).toBe('seq,kind,attempt,step,n,at,epoch,metric,value');
    expect(lines).toHaveLength(110);
    expect(lines[0]).toMatch(new RegExp(`^\\d+,train,${run.attempt},1,0,,0.01,loss,11$`));
  });

  it('has an audit record as JSON and as YAML, each leaf with its record', async () => {
    const record = await served.get<AuditRecordAnswer>(`/v1/runs/${run.run}/audit-record`);
    expect(record.input_artifacts.base_model).toMatchObject({ source: 'hub/base', hash: digestOf('base') });
    expect(record.training_record.metrics_summary).toMatchObject({ initial_loss: 11, final_loss: 0.01 });
    expect(record.output_artifacts.metrics.quality_gate_status).toBe('passed');
    const seq = record.evidence['/input_artifacts/base_model/hash'] as number;
    const { inputs } = await served.get<RunAnswer>(`/v1/runs/${run.run}`);
    expect(seq).toBe(inputs[0]?.seq);
    const yaml = await served.fetch(`/v1/runs/${run.run}/audit-record`, { accept: 'application/yaml' });
    expect(yaml.headers.get('content-type')).toBe('application/yaml; charset=utf-8');
    expect(parse(await yaml.text())).toEqual(record);
  });

  it('answers for checklist and compliance, also as of an earlier record', async () => {
    const { items } = await served.get<ChecklistAnswer>(`/v1/runs/${run.run}/checklist`);
    expect(items.find(({ id }) => id === 'gates_passed')).toMatchObject({ state: 'met' });
    const now = await served.get<ComplianceAnswer>(`/v1/runs/${run.run}/compliance`);
    const control = (answer: ComplianceAnswer, id: string) => answer.controls.find((one) => one.id === id)?.state;
    expect(control(now, 'audit.dataset_hash')).toBe('not_met');
    const registered = await served.seal([
      {
        type: 'artifact.registered',
        stream: `artifact/${digestOf('data')}`,
        payload: {
          ...{ form: 'file', kind: 'dataset', name: 'data', location: null, size_bytes: 1, files: null, run: run.run },
          asserted: [],
        },
      },
    ]);
    const after = await served.get<ComplianceAnswer>(`/v1/runs/${run.run}/compliance`);
    expect(control(after, 'audit.dataset_hash')).toBe('met');
    const before = await served.get<ComplianceAnswer>(`/v1/runs/${run.run}/compliance?as_of=${registered - 1}`);
    expect(before.as_of).toBe(registered - 1);
    expect({ ...before, as_of: 0 }).toEqual({ ...now, as_of: 0 });
    const early = await served.fetch(`/v1/runs/${run.run}/compliance?as_of=0`);
    expect(early.status).toBe(404);
  });

  it('is told while it goes on, and from where a reader left off', async () => {
    const { live } = served.lineage.parts;
    const { started_seq } = await served.get<RunAnswer>(`/v1/runs/${run.run}`);
    const resumed = await Following.open(run.run, { 'last-event-id': `0/${started_seq}` });
    expect(await resumed.readUntil('"run.finished"')).not.toMatch(/event: reset|"run.started"/);
    const following = await Following.open(run.run);
    await following.readUntil(': \n\n');
    const seq = await served.seal([run.evaluated(null, digestOf('held out'))]);
    const text = await following.readUntil('"run.evaluated"');
    expect(text).toContain(`id: 0/${seq}\nevent: record\ndata: {"epoch":0,"seq":${seq},`);
    const lost = await Following.open(run.run, { 'last-event-id': '0/123456' });
    expect(await lost.readUntil('"run.started"')).toContain('event: reset');
    expect(live.readerCount).toBe(3);
    for (const one of [resumed, following, lost]) one.close();
    await waitFor('the readers to be gone', () => (live.readerCount === 0 ? true : null));
  });
});

class Following {
  private text = '';

  private constructor(
    private readonly ending: AbortController,
    private readonly chunks: AsyncIterator<Uint8Array>,
  ) {}

  static async open(run: string, headers: Record<string, string> = {}): Promise<Following> {
    const ending = new AbortController();
    const response = await served.fetch(`/v1/runs/${run}/live`, headers, ending.signal);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    return new Following(ending, (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]());
  }

  async readUntil(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      const { done, value } = await this.chunks.next();
      if (done) throw new Error(`the stream ended without ${part}: ${this.text}`);
      this.text += Buffer.from(value).toString();
    }
    return this.text;
  }

  close(): void {
    this.ending.abort();
  }
}

describe('runs', () => {
  const numbers = [10, 11, 12, 13, 14];
  beforeAll(async () => {
    for (const number of numbers) await served.seal(resumedRun(number).events.slice(0, number - 7));
  });

  it('are listed page by page in the order asked for, with filters', async () => {
    const all = await served.get<Page<RunItem>>('/v1/runs?sort=-first_seq');
    const names = all.items.map(({ name }) => name);
    expect(names).toEqual(['named 14', 'named 13', 'named 12', 'named 11', 'named 10', 'named 1']);
    for (const sort of [
      'first_seq',
      '-eval_loss',
      'eval_loss',
      '-ended_at',
      'name',
      '-final_loss',
      'state',
      'started_at',
    ]) {
      const whole = await served.get<Page<RunItem>>(`/v1/runs?sort=${sort}`);
      const paged: RunItem[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const path: string = `/v1/runs?sort=${sort}&limit=2${cursor && `&cursor=${cursor}`}`;
        const page: Page<RunItem> = await served.get(path);
        paged.push(...page.items);
        cursor = page.next_cursor;
      }
      expect(paged).toEqual(whole.items);
    }
    const finished = await served.get<Page<RunItem>>('/v1/runs?state=finished&experiment=experiment%201&q=NAMED');
    expect(finished.items.map(({ name }) => name)).toEqual(['named 1']);
  });

  it('put those that lack the value last, whichever way the others go', async () => {
    for (const sort of ['eval_loss', '-eval_loss']) {
      const { items } = await served.get<Page<RunItem>>(`/v1/runs?sort=${sort}`);
      const lack = items.map(({ eval_loss }) => eval_loss === null);
      expect(lack).toEqual([...lack].sort());
      expect(lack).toContain(true);
    }
  });

  it.each([
    'cursor=x',
    'cursor=WyJ4IiwieCJd',
    'sort=loss',
    'limit=0',
    'state=gone',
    `sort=eval_loss&cursor=${Buffer.from('["1e400","01920000-0000-7000-8000-000000000001"]').toString('base64url')}`,
  ])('refuse %s as not understood', async (query) => {
    const response = await served.fetch(`/v1/runs?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_request' });
  });

  it('are counted by experiment', async () => {
    const { items } = await served.get<Page<ExperimentItem>>('/v1/experiments');
    expect(items).toMatchObject([
      { experiment: 'experiment 0', runs: 3 },
      { experiment: 'experiment 1', runs: 3, running: 2 },
    ]);
    const first = await served.get<Page<ExperimentItem>>('/v1/experiments?limit=1');
    const second = await served.get<Page<ExperimentItem>>(`/v1/experiments?limit=1&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items]).toEqual(items);
  });

  it('are compared: what differs, and how much does not', async () => {
    const [one, other] = [new SampleRun(10).run, new SampleRun(14).run];
    const answer = await served.get<CompareAnswer>(`/v1/runs/compare?id=${one}&id=${other}`);
    expect(answer.runs.map(({ name }) => name)).toEqual(['named 10', 'named 14']);
    expect(answer.metrics.differing).toContainEqual({ name: 'final_eval_loss', values: [null, 0.5] });
    expect(answer.metrics.same).toBeGreaterThan(0);
    expect(answer.inputs.differing.map(({ name }) => name)).toEqual([
      'base_model.digest',
      'base_model.revision',
      'base_model.source',
      'dataset.train.digest',
    ]);
    expect(answer.parameters).toEqual({ differing: [], same: 0 });
    const response = await served.fetch(`/v1/runs/compare?id=${one}`);
    expect(response.status).toBe(400);
  });

  it('that nobody knows are not found', async () => {
    const unknown = idOf(0xfffffff);
    for (const path of ['', '/metrics', '/metrics?format=csv', '/audit-record', '/checklist', '/compliance', '/live']) {
      expect((await served.fetch(`/v1/runs/${unknown}${path}`)).status).toBe(404);
    }
    expect((await served.fetch('/v1/runs/run-abc123')).status).toBe(400);
  });
});
