import { TestServer, waitFor } from '@runseal/testing';
import type { BaselineAnswer, EvaluationAnswer, PublishedAnswer, VerdictAnswer } from './answers.js';
import { GATES_PRINCIPAL } from './deciding/decider.js';
import { type Person, type ServedGates, Site } from './gates-site.fixture.js';
import {
  assessed,
  digestOf,
  newModel,
  registered,
  registrations,
  SampleRun,
  SOUND_ROWS,
} from './sample-run.fixture.js';

let server: TestServer;
let site: Site;
let served: ServedGates;
let ada: Person;
let trainer: Person;

beforeAll(async () => {
  server = await TestServer.start();
  site = await Site.open(server);
  served = await site.serve();
  ada = await site.person('ada');
  trainer = await site.person('trainer', { kind: 'service', scopes: ['events:write', 'read'] });
  await site.seal(registrations(), trainer.actor);
}, 60_000);
afterAll(async () => {
  await served?.close();
  await site?.close();
  await server?.remove();
});

const gateOf = ({ gates }: VerdictAnswer, id: string) => {
  const gate = gates.find((one) => one.id === id);
  if (!gate) throw new Error(`no gate ${id}`);
  return gate;
};
const verdictsOf = ({ gates }: VerdictAnswer) => gates.map(({ verdict }) => verdict);
const newestOf = async ({ run }: SampleRun): Promise<VerdictAnswer> => {
  const [newest] = await served.verdicts(run, ada);
  if (!newest) throw new Error(`run ${run} has no verdict`);
  return newest;
};
const seal = (...events: Parameters<Site['seal']>[0]) => site.seal(events, trainer.actor);
/** A finished run and the baseline made of it. */
async function withBaseline(model: string, more: Parameters<SampleRun['whole']>[0] = {}): Promise<SampleRun> {
  const run = new SampleRun(model);
  await seal(...run.whole(more));
  const { status } = await served.post('/v1/baselines', ada, { model, run: run.run, reason: 'good enough' });
  expect(status).toBe(201);
  return run;
}

describe('a run that ends', () => {
  it('is judged, and the verdict is sealed with the role of gates', async () => {
    const sample = new SampleRun();
    const { seq, hash, sealed_at } = await seal(...sample.whole());
    const verdict = await newestOf(sample);
    expect(verdictsOf(verdict)).toEqual(['pass', 'pass', 'pass', 'missing', 'skipped', 'pass']);
    expect(verdict).toMatchObject({
      run_id: sample.run,
      overall: 'warnings',
      policy: { id: 'default', version: 0 },
      engine: 'runseal-gates/1',
      position: seq,
      superseded_by: null,
      weights: { attempt: sample.attempt, step: 100 },
      accepted: null,
    });
    const records = await site.records(sample.stream);
    const sealed = records.at(-1);
    expect(sealed).toMatchObject({
      type: 'run.gates-evaluated',
      id: verdict.verdict_id,
      actor: GATES_PRINCIPAL,
      seq: verdict.seq,
    });
    expect(sealed?.payload).toMatchObject({ trigger: { seq, hash }, position: seq });
    expect(verdict.verdict_id).toMatch(/^02......-....-8/);
    const { rows } = await site.superuser.query(
      `select convert_from(envelope, 'UTF8')::json ->> 'occurred_at' as at from ledger.records where seq = $1`,
      [verdict.seq],
    );
    expect(rows).toEqual([{ at: sealed_at }]);
  });

  it('gives every input with the record that it comes from', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    const [metrics] = (await site.records(sample.stream)).filter(({ type }) => type === 'run.metrics-logged');
    const { inputs } = gateOf(await newestOf(sample), 'G3');
    expect(inputs.find(({ name }) => name === 'eval_loss')).toEqual({
      name: 'eval_loss',
      value: 1.25,
      seq: metrics?.seq,
    });
  });

  it.each([
    ['a NaN in the middle', [...SOUND_ROWS, { step: 55, loss: 'NaN', grad_norm: 'NaN' }], 'G1'],
    ['a loss of exactly 0', [...SOUND_ROWS, { step: 55, loss: 0 }], 'G1'],
    ['a grad_norm that is infinite', [...SOUND_ROWS, { step: 55, loss: 1, grad_norm: 'Infinity' }], 'G1'],
    ['a dead model', SOUND_ROWS.map((row) => ({ ...row, ...(row.step! > 70 ? { grad_norm: 0 } : {}) })), 'G1'],
    ['no loss at all', [{ step: 100, kind: 'eval' as const, eval_loss: 1 }], 'G1'],
  ])('is blocked for %s', async (_, rows, id) => {
    const sample = new SampleRun();
    await seal(...sample.whole({ rows }));
    const verdict = await newestOf(sample);
    expect(verdict.overall).toBe('blocked');
    expect(['fail', 'missing']).toContain(gateOf(verdict, id).verdict);
  });

  it('is blocked for `revision: main`, and told what to record', async () => {
    const sample = new SampleRun();
    const events = sample.whole();
    await seal(...events.slice(0, -1), sample.baseModel({ revision: 'main', digest: null }), events.at(-1)!);
    await seal(...new SampleRun().whole());
    const bare = new SampleRun();
    await seal(
      ...bare
        .whole()
        .map((told) =>
          told.type === 'run.input-recorded' && 'kind' in told.payload && told.payload.kind === 'base_model'
            ? bare.baseModel({ revision: 'main', digest: null })
            : told,
        ),
    );
    const verdict = await newestOf(bare);
    expect(verdict.overall).toBe('blocked');
    expect(gateOf(verdict, 'G6').explanation).toContain('found main');
  });

  it('is blocked for empty sections of its audit record', async () => {
    const sample = new SampleRun();
    await seal(sample.started(), sample.begins(), sample.logged(SOUND_ROWS), sample.finished());
    const verdict = await newestOf(sample);
    expect(verdict.overall).toBe('blocked');
    expect(gateOf(verdict, 'G6').inputs.length).toBeGreaterThan(15);
  });

  it('is blocked for a digest that nobody registered, until somebody does', async () => {
    const sample = new SampleRun();
    const unknown = `weights of ${sample.run}`;
    const output = sample.told('run.output-recorded', {
      ...{ role: 'report', type: null, path: 'report', digest: digestOf(unknown), size_bytes: 1, files: null },
      ...{ tensors_finite: null, asserted: [] },
    });
    const events = sample.whole();
    await seal(...events.slice(0, -1), output, events.at(-1)!);
    const before = await newestOf(sample);
    expect([before.overall, gateOf(before, 'G6').verdict]).toEqual(['blocked', 'fail']);
    const { seq } = await seal(registered(unknown));
    const after = await newestOf(sample);
    expect([after.overall, after.position, gateOf(after, 'G6').verdict]).toEqual(['warnings', seq, 'pass']);
  });

  it('that failed or was killed is judged too', async () => {
    const sample = new SampleRun();
    const events = sample.whole().slice(0, -1);
    const { asserted, ...ending } = sample.finished().payload as { asserted: string[] };
    await seal(
      ...events,
      sample.told('run.failed', { ...ending, error: null, exit_code: 1, signal: null, asserted } as never),
    );
    expect(verdictsOf(await newestOf(sample)).slice(0, 3)).toEqual(['pass', 'pass', 'pass']);
  });
});

describe('a late event', () => {
  it('that changes an input supersedes the verdict, which stays as it was', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    const before = await newestOf(sample);
    const { seq } = await seal(sample.logged([{ step: 105, loss: 'NaN', grad_norm: 'NaN' }]));
    const [after, old] = await served.verdicts(sample.run, ada);
    expect(after).toMatchObject({ overall: 'blocked', position: seq, superseded_by: null });
    expect(old).toEqual({ ...before, superseded_by: after?.verdict_id });
  });

  it('that changes nothing is not judged into another verdict', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    const before = await newestOf(sample);
    const checkpoint = { attempt: sample.attempt, step: 100, epoch: null, path: null, digest: null, size_bytes: null };
    await seal(sample.told('run.checkpoint-saved', { ...checkpoint, asserted: [] }), registered('base', sample.run));
    expect(await served.verdicts(sample.run, ada)).toEqual([before]);
  });

  it('that says the final weights hold NaN blocks the run by G1; of somebody else it does not', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    const before = await newestOf(sample);
    await site.seal([assessed('weights', sample.run, false)], ada.actor);
    expect(await served.verdicts(sample.run, ada)).toEqual([before]);
    const { seq } = await seal(assessed('weights', sample.run, false));
    const after = await newestOf(sample);
    expect([after.overall, after.position, gateOf(after, 'G1').verdict]).toEqual(['blocked', seq, 'fail']);
    expect(gateOf(after, 'G1').inputs).toContainEqual(expect.objectContaining({ value: false, seq }));
  });

  it('seen from beside that was counted and lacked completes the audit record', async () => {
    const sample = new SampleRun();
    const id = '6f1c2b1e-52a4-4d0b-9c1f-0e6a7b3d2c11';
    const events = sample.whole().slice(0, -1);
    await seal(...events, sample.finished({ producers: [{ id, count: 1 }] }));
    expect(gateOf(await newestOf(sample), 'G6').verdict).toBe('fail');
    const { seq } = await seal(sample.annotated('preflight', { id, seq: 0, client: 'runseal-py/0.1.0' }));
    const after = await newestOf(sample);
    expect([gateOf(after, 'G6').verdict, after.position]).toEqual(['pass', seq]);
  });

  // All of them are sealed before the first verdict is.
  it('of many in one request leaves as many verdicts as there are different ones', async () => {
    const sample = new SampleRun();
    const checkpoint = { attempt: sample.attempt, step: 50, epoch: null, path: null, digest: null, size_bytes: null };
    const late = Array.from({ length: 20 }, () => sample.told('run.checkpoint-saved', { ...checkpoint, asserted: [] }));
    await seal(...sample.whole(), ...late, sample.logged([{ step: 105, loss: 0 }]), ...late);
    expect((await served.verdicts(sample.run, ada)).map(({ overall }) => overall)).toEqual(['blocked', 'warnings']);
  });

  it('a new attempt takes the end back: the run is judged when it ends again', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    const attempt = '019bfa8c-310a-79de-a4da-a44a66ea62c5'.replace('310a', sample.run.slice(9, 13));
    await seal(
      sample.begins(attempt, { attempt: sample.attempt, step: 100 }),
      sample.logged([{ step: 110, loss: 1 }], attempt),
    );
    expect(await served.verdicts(sample.run, ada)).toHaveLength(1);
    await seal(
      sample.logged([{ step: 110, kind: 'eval', eval_loss: 1.1 }], attempt),
      sample.finished({ attempt, final_weights: { attempt, step: 110 } }),
    );
    const [newest, ...older] = await served.verdicts(sample.run, ada);
    expect(older).toHaveLength(1);
    expect(newest?.weights).toEqual({ attempt, step: 110 });
    expect(gateOf(newest as VerdictAnswer, 'G3').explanation).toContain('(100, 110]');
  });
});

describe('a baseline', () => {
  it('is missing, with the command that sets one, until it is set by a person', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    expect(gateOf(await newestOf(sample), 'G4')).toMatchObject({
      verdict: 'missing',
      severity: 'warn',
      explanation: expect.stringContaining(`runseal baseline set --model ${sample.model} --run <run> --reason`),
    });
  });

  it('takes a run’s metrics of its final weights, with their records and evaluation set', async () => {
    const sample = new SampleRun();
    const mmlu = { name: 'mmlu', value: 61.5, scale: { from: 0, to: 100 }, standard_error: 1.5 };
    await seal(...sample.whole().slice(0, -1), sample.evaluated([mmlu]), sample.finished());
    const answer = await served.post<BaselineAnswer>('/v1/baselines', ada, {
      model: sample.model,
      run: sample.run,
      reason: 'first',
    });
    const records = await site.records(sample.stream);
    const seqOf = (wanted: string) => records.find(({ type }) => type === wanted)?.seq;
    const evaluation_set = { kind: 'fixed', digest: digestOf('held out') };
    const rows = { standard_error: null, evaluation_set, seq: seqOf('run.metrics-logged') };
    expect(answer.body.values).toEqual([
      { metric: 'eval_accuracy', value: 0.8, ...rows },
      { metric: 'eval_loss', value: 1.25, ...rows },
      { metric: 'mmlu', value: 0.615, standard_error: 0.015, evaluation_set, seq: seqOf('run.evaluated') },
    ]);
    const [sealed] = await site.records(`policy/${sample.model}`);
    expect(sealed).toMatchObject({ type: 'policy.baseline-set', actor: ada.actor, seq: answer.body.seq });
  });

  it('blocks a run twice as bad and takes one that is 10 % better', async () => {
    const model = newModel();
    const base = await withBaseline(model);
    const judged = async (eval_loss: number) => {
      const sample = new SampleRun(model);
      await seal(...sample.whole({ rows: [...SOUND_ROWS.slice(0, 10), { step: 100, kind: 'eval', eval_loss }] }));
      return newestOf(sample);
    };
    const worse = await judged(2.5);
    expect([worse.overall, gateOf(worse, 'G4').verdict]).toEqual(['blocked', 'fail']);
    const [record] = await site.records(`policy/${model}`);
    expect(gateOf(worse, 'G4').baseline).toEqual({ metric: 'eval_loss', value: 1.25, seq: record?.seq });
    const better = await judged(1.125);
    expect([better.overall, gateOf(better, 'G4').verdict]).toEqual(['passed', 'pass']);
    // The run that it was taken from keeps its verdict: a baseline is for later runs.
    expect((await served.verdicts(base.run, ada)).map(({ overall }) => overall)).toEqual(['warnings']);
  });

  it('compares on the same evaluation set only', async () => {
    const model = newModel();
    await withBaseline(model);
    await seal(registered('another set'));
    const sample = new SampleRun(model);
    const isSet = ({ payload }: { payload: object }) => 'role' in payload && payload.role === 'eval';
    await seal(...sample.whole().map((told) => (isSet(told) ? sample.evaluationSet('another set') : told)));
    const verdict = await newestOf(sample);
    expect([verdict.overall, gateOf(verdict, 'G4').verdict]).toEqual(['blocked', 'missing']);
  });

  it('may be stated, and is refused without values, reason or scope', async () => {
    const model = newModel();
    const values = [
      { metric: 'accuracy', value: 0.9, evaluation_set: { kind: 'fixed', digest: digestOf('held out') } },
    ];
    const stated = await served.post<BaselineAnswer>('/v1/baselines', ada, { model, values, reason: 'from a paper' });
    expect(stated.body).toMatchObject({ run: null, values: [{ metric: 'accuracy', value: 0.9, seq: null }] });
    const refused = async (body: object, by = ada) => {
      const { status, body: problem } = await served.post('/v1/baselines', by, body);
      return [status, problem.code];
    };
    expect(await refused({ model, values })).toEqual([400, 'invalid_request']);
    expect(await refused({ model, reason: 'x' })).toEqual([400, 'invalid_request']);
    expect(await refused({ model, values, run: new SampleRun().run, reason: 'x' })).toEqual([400, 'invalid_request']);
    expect(await refused({ model, run: new SampleRun().run, reason: 'x' })).toEqual([404, 'run_unknown']);
    expect(await refused({ model, values, reason: 'x' }, trainer)).toEqual([403, 'forbidden']);
    const bare = new SampleRun();
    await seal(bare.started());
    expect(await refused({ model, run: bare.run, reason: 'x' })).toEqual([409, 'no_values']);
  });
});

describe('tasks', () => {
  it('are judged on the scale that the evaluation declares', async () => {
    const judged = async (value: number, to: number) => {
      const sample = new SampleRun();
      const metrics = ['exact_match', 'f1'].map((name) => ({
        name,
        value,
        scale: { from: 0, to },
        standard_error: null,
      }));
      await seal(
        ...sample.whole({ start: { tasks: ['qa'] } }).slice(0, -1),
        sample.evaluated(metrics),
        sample.finished(),
      );
      return gateOf(await newestOf(sample), 'G5').verdict;
    };
    expect([await judged(81, 100), await judged(0.81, 1), await judged(0.81, 100)]).toEqual(['pass', 'pass', 'fail']);
  });

  it('are missing where only other weights were evaluated', async () => {
    const sample = new SampleRun();
    const metrics = [{ name: 'bleu', value: 0.5, scale: { from: 0, to: 1 }, standard_error: null }];
    const other = sample.evaluated(metrics, { weights: { attempt: sample.attempt, step: 50, digest: null } });
    await seal(...sample.whole({ start: { tasks: ['translation'] } }).slice(0, -1), other, sample.finished());
    expect(gateOf(await newestOf(sample), 'G5').verdict).toBe('missing');
  });
});

describe('on demand', () => {
  it('the same inputs and policy give the verdict that stands', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    const standing = await newestOf(sample);
    const { status, body } = await served.post<EvaluationAnswer>(`/v1/runs/${sample.run}/gates/evaluate`, ada);
    expect(status).toBe(200);
    expect(body).toEqual({ ...standing, is_new: false });
    expect(await served.verdicts(sample.run, ada)).toEqual([standing]);
  });

  it('a policy published for the model judges anew, once', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    const standing = await newestOf(sample);
    const source = 'quality_gates:\n  generalization:\n    - eval_loss < train_loss * 0.5\n';
    const published = await served.post<PublishedAnswer>('/v1/policies', ada, {
      id: sample.model,
      source,
      reason: 'stricter',
    });
    expect(published.body).toMatchObject({ id: sample.model, version: 1, by: ada.actor, is_new: true });
    expect(await newestOf(sample)).toEqual(standing);
    const path = `/v1/runs/${sample.run}/gates/evaluate`;
    const first = await served.post<EvaluationAnswer>(path, ada);
    expect(first.body).toMatchObject({
      is_new: true,
      policy: { id: sample.model, version: 1, hash: published.body.hash },
      position: published.body.seq,
    });
    expect(gateOf(first.body, 'G3').verdict).toBe('fail');
    const second = await served.post<EvaluationAnswer>(path, ada);
    expect(second.body).toEqual({ ...first.body, is_new: false });
    expect((await served.verdicts(sample.run, ada)).map(({ superseded_by }) => superseded_by)).toEqual([
      null,
      first.body.verdict_id,
    ]);
  });

  it('a baseline set since judges anew', async () => {
    const sample = new SampleRun();
    await seal(...sample.whole());
    await served.post('/v1/baselines', ada, { model: sample.model, run: sample.run, reason: 'first' });
    const { body } = await served.post<EvaluationAnswer>(`/v1/runs/${sample.run}/gates/evaluate`, ada);
    expect([body.is_new, body.overall]).toEqual([true, 'passed']);
  });

  it('is refused for a run that is not there or still running, and without the scope', async () => {
    const refused = async ({ run }: SampleRun, by = ada) => {
      const { status, body } = await served.post(`/v1/runs/${run}/gates/evaluate`, by);
      return [status, body.code];
    };
    const running = new SampleRun();
    await seal(running.started(), running.begins());
    expect(await refused(new SampleRun())).toEqual([404, 'run_unknown']);
    expect(await refused(running)).toEqual([409, 'run_not_ended']);
    expect(await refused(running, trainer)).toEqual([403, 'forbidden']);
    expect((await served.get(`/v1/runs/${new SampleRun().run}/gates`, ada)).status).toBe(404);
    expect(await served.verdicts(running.run, ada)).toEqual([]);
  });
});

describe('an override', () => {
  it('of every gate that blocks makes the overall overridden, of one verdict and while it lasts', async () => {
    const model = newModel();
    await withBaseline(model);
    const judged = async (expires_at: string | null) => {
      const sample = new SampleRun(model);
      await seal(...sample.whole({ rows: [...SOUND_ROWS.slice(0, 10), { step: 100, kind: 'eval', eval_loss: 2.5 }] }));
      const { verdict_id, hash } = await newestOf(sample);
      const payload = { verdict: verdict_id, verdict_hash: hash, gate: 'G4', reason: 'a known regression', expires_at };
      await site.seal([sample.told('run.gate-overridden', payload)], ada.actor);
      return sample;
    };
    const overridden = await judged(null);
    expect(await newestOf(overridden)).toMatchObject({ overall: 'overridden' });
    expect(await newestOf(await judged('2100-01-01T00:00:00Z'))).toMatchObject({ overall: 'overridden' });
    expect(await newestOf(await judged('2020-01-01T00:00:00Z'))).toMatchObject({ overall: 'blocked' });
    await seal(overridden.annotated('raw_loss'), overridden.printed());
    expect(await newestOf(overridden)).toMatchObject({ overall: 'overridden' });
    await seal(overridden.logged([{ step: 95, loss: 1.15, grad_norm: 1 }]));
    expect(await newestOf(overridden)).toMatchObject({ overall: 'blocked' });
  });
});

describe('what was sealed before gates started', () => {
  it('is judged at the start, and everything is as a rebuild makes it', async () => {
    await served.close();
    const sample = new SampleRun();
    await seal(...sample.whole());
    served = await site.serve();
    expect((await newestOf(sample)).overall).toBe('warnings');
    await served.settle();
    for (const recordsMax of [1, 7, 2_000]) {
      const { outcome, differing } = await site.rebuild(recordsMax);
      expect([outcome, differing]).toEqual(['swapped', []]);
    }
    expect((await newestOf(sample)).overall).toBe('warnings');
    await waitFor('readiness', async () => (await fetch(`${served.service.url}/health/ready`)).ok);
  }, 60_000);
});
