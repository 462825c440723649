import { TestServer } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import type {
  AcceptedAnswer,
  EvaluationAnswer,
  Page,
  PolicyAnswer,
  PublicationAnswer,
  PublishedAnswer,
  VerdictAnswer,
} from './answers.js';
import { type Person, type ServedGates, Site } from './gates-site.fixture.js';
import { digestOf, newModel, registrations, SampleRun, SOUND_ROWS } from './sample-run.fixture.js';

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
  trainer = await site.person('trainer', { kind: 'service', scopes: ['events:write', 'read', 'policy:write'] });
  await site.seal(registrations(), trainer.actor);
}, 60_000);
afterAll(async () => {
  await served?.close();
  await site?.close();
  await server?.remove();
});

const seal = (...events: Parameters<Site['seal']>[0]) => site.seal(events, trainer.actor);
async function judgedRun(model = newModel()): Promise<SampleRun> {
  const sample = new SampleRun(model);
  await seal(...sample.whole());
  return sample;
}

describe('accepting warnings', () => {
  const accept = (sample: SampleRun, body: object = { reason: 'small set' }, by = ada) =>
    served.post<AcceptedAnswer>(`/v1/runs/${sample.run}/warnings/accept`, by, body);

  it('is a person’s, with a reason, of the newest verdict', async () => {
    const sample = await judgedRun();
    const [verdict] = await served.verdicts(sample.run, ada);
    const { status, body } = await accept(sample);
    expect([status, body]).toEqual([
      201,
      { run_id: sample.run, verdict_id: verdict?.verdict_id, by: ada.actor, reason: 'small set', seq: body.seq },
    ]);
    const sealed = (await site.records(sample.stream)).at(-1);
    expect(sealed).toMatchObject({
      type: 'run.warnings-accepted',
      actor: ada.actor,
      payload: { verdict: verdict?.verdict_id, verdict_hash: verdict?.hash, reason: 'small set' },
    });
    const [shown] = await served.verdicts(sample.run, ada);
    expect(shown).toEqual({ ...verdict, accepted: { by: ada.actor, reason: 'small set', seq: body.seq } });
  });

  it('a second time gives the first acceptance', async () => {
    const sample = await judgedRun();
    const first = await accept(sample);
    const second = await accept(sample, { reason: 'again' });
    expect(second.body).toEqual(first.body);
  });

  it('does not carry over to a new verdict', async () => {
    const sample = await judgedRun();
    await accept(sample);
    await seal(sample.logged([{ step: 95, loss: 1.15, grad_norm: 1 }]));
    const [newest, old] = await served.verdicts(sample.run, ada);
    expect([newest?.accepted, old?.accepted?.by]).toEqual([null, ada.actor]);
  });

  it('is refused without the scope, without a reason, of another verdict, and where nothing is to accept', async () => {
    const refused = async (...of: Parameters<typeof accept>) => {
      const { status, body } = await accept(...of);
      return [status, body.code];
    };
    const sample = await judgedRun();
    const [verdict] = await served.verdicts(sample.run, ada);
    expect(await refused(sample, { reason: 'x' }, trainer)).toEqual([403, 'forbidden']);
    expect(await refused(sample, {})).toEqual([400, 'invalid_request']);
    expect(await refused(sample, { reason: '' })).toEqual([400, 'invalid_request']);
    expect(await refused(sample, { reason: 'x', verdict: sample.run })).toEqual([409, 'nothing_to_accept']);
    expect(await refused(sample, { reason: 'x', verdict: verdict?.verdict_id })).toEqual([201, undefined]);
    const blocked = new SampleRun();
    await seal(...blocked.whole({ rows: [...SOUND_ROWS, { step: 5, loss: 'NaN' }] }));
    expect(await refused(blocked)).toEqual([409, 'nothing_to_accept']);
    expect(await refused(new SampleRun())).toEqual([409, 'nothing_to_accept']);
  });
});

describe('verdicts', () => {
  it('come newest first in pages, and as they were at a seq or a time', async () => {
    const sample = await judgedRun();
    const list = async (query: string) =>
      (await served.get<Page<VerdictAnswer>>(`/v1/runs/${sample.run}/gates${query}`, ada)).body;
    const [first] = (await list('')).items;
    for (const step of [101, 102]) await seal(sample.logged([{ step, loss: 1, grad_norm: 1 }]));
    const { items } = await list('');
    expect(items.map(({ superseded_by }) => superseded_by)).toEqual([null, items[0]?.verdict_id, items[1]?.verdict_id]);
    const page = await list('?limit=2');
    expect([page.items, (await list(`?limit=2&cursor=${page.next_cursor}`)).items]).toEqual([
      items.slice(0, 2),
      items.slice(2),
    ]);
    expect((await list(`?as_of=${first?.seq}`)).items).toEqual([first]);
    expect((await list(`?as_of=${Number(first?.seq) - 1}`)).items).toEqual([]);
    expect((await list(`?as_of=${first?.sealed_at}`)).items[0]?.verdict_id).toBe(first?.verdict_id);
    expect((await list('?as_of=2100-01-01T00:00:00Z')).items).toEqual(items);
  });

  it('say which position they are true for, and wait for one', async () => {
    const sample = await judgedRun();
    await served.settle();
    const { headers } = await served.get(`/v1/runs/${sample.run}/gates?min_position=3`, ada);
    expect(headers.get('runseal-position')).toMatch(/^0\/\d+$/);
  });

  it('are not told to a key of another ledger', async () => {
    const stranger = await site.person('stranger', { ledger: 'other' });
    const { run } = await judgedRun();
    expect((await served.get(`/v1/runs/${run}/gates`, stranger)).status).toBe(403);
  });

  it.each(['overrides', 'gates/backtest'])('have no route %s yet', async (path) => {
    expect((await served.post(`/v1/runs/${new SampleRun().run}/${path}`, ada, {})).status).toBe(404);
  });
});

describe('policies', () => {
  const publish = (id: string, source: string, more: object = {}, by = ada) =>
    served.post<PublishedAnswer & { faults?: object[] }>('/v1/policies', by, { id, source, ...more });

  it('are the built-in one until somebody publishes', async () => {
    const { body } = await served.get<Page<PublicationAnswer>>('/v1/policies', ada);
    expect(body.items).toMatchObject([{ id: 'default', version: 0, seq: null, by: null }]);
    const shown = await served.get<PolicyAnswer>('/v1/policies/default', ada);
    expect(shown.body).toMatchObject({ id: 'default', version: 0, source: null, versions: [] });
    expect(shown.body.normalised?.gates.map(({ id }) => id)).toEqual(['G1', 'G2', 'G3', 'G4', 'G5', 'G6']);
    expect((await served.get('/v1/policies/nobody', ada)).status).toBe(404);
  });

  it('are numbered, kept as written, and not published twice', async () => {
    const id = newModel();
    const sources = ['gates: [{id: G3, ratio: 1.5}]', 'gates: [{id: G3, ratio: 1.3}]\n# why not\n'];
    const first = await publish(id, sources[0]!, { reason: 'tight' });
    const second = await publish(id, sources[1]!);
    const same = await publish(id, 'gates:\n  - {ratio: 1.3, check: generalization}\n');
    expect([first.body.version, second.body.version, same.body.version, same.body.is_new]).toEqual([1, 2, 2, false]);
    const { body } = await served.get<PolicyAnswer>(`/v1/policies/${id}`, ada);
    expect(body).toMatchObject({
      version: 2,
      source: sources[1],
      versions: [{ version: 2 }, { version: 1, reason: 'tight' }],
    });
    const before = await served.get<PolicyAnswer>(`/v1/policies/${id}?as_of=${first.body.seq}`, ada);
    expect(before.body).toMatchObject({ version: 1, source: sources[0] });
    const records = await site.records(`policy/${id}`);
    expect(records.map(({ payload }) => (payload as { hash: string }).hash)).toEqual([
      first.body.hash,
      second.body.hash,
    ]);
  });

  it('list what is in force, in pages', async () => {
    const ids = ['a-policy', 'z-policy'];
    for (const id of ids) await publish(id, 'gates: [{id: G2, off: true}]');
    const all = (await served.get<Page<PublicationAnswer>>('/v1/policies', ada)).body.items.map(({ id }) => id);
    expect(all).toEqual([...all].sort());
    expect(all).toEqual(expect.arrayContaining(['a-policy', 'default', 'z-policy']));
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '?limit=1' : `?limit=1&cursor=${cursor}`;
      const { body } = await served.get<Page<PublicationAnswer>>(`/v1/policies${query}`, ada);
      paged.push(...body.items.map(({ id }) => id));
      cursor = body.next_cursor;
    }
    expect(paged).toEqual(all);
  });

  it('that cannot be read are refused with every line and column', async () => {
    const { status, body } = await publish(newModel(), 'gates:\n  - {id: G3, rato: 2}\n  - {id: G1, off: true}\n');
    expect([status, body.code]).toEqual([400, 'invalid_policy']);
    expect(body.faults).toMatchObject([
      { line: 2, column: 14, found: '"rato"' },
      { line: 3, column: 5, found: 'G1 weakened' },
    ]);
    expect(body.errors?.[0]).toMatchObject({ path: '/source', found: 'line 2, column 14: "rato"' });
  });

  it('need the scope, an id and a source', async () => {
    const reader = await site.person('reader', { scopes: ['read'] });
    expect((await publish(newModel(), 'gates: []', {}, reader)).status).toBe(403);
    expect((await publish('no such id', 'gates: []')).status).toBe(400);
    expect((await served.post('/v1/policies', ada, { id: 'x' })).status).toBe(400);
  });

  it('of the model go before the default, which goes before the built-in one', async () => {
    const sample = await judgedRun();
    const evaluate = async () =>
      (await served.post<EvaluationAnswer>(`/v1/runs/${sample.run}/gates/evaluate`, ada)).body.policy;
    expect(await evaluate()).toMatchObject({ id: 'default', version: 0 });
    await publish('default', 'gates: [{id: G5, severity: info}]');
    expect(await evaluate()).toMatchObject({ id: 'default', version: 1 });
    await publish(sample.model, 'gates: [{id: G2, severity: info}]');
    expect(await evaluate()).toMatchObject({ id: sample.model, version: 1 });
  });

  it('compare with the version in production, an older one, and the last that passed', async () => {
    const model = newModel();
    const base = await judgedRun(model);
    await served.post('/v1/baselines', ada, { model, run: base.run, reason: 'first' });
    const { body: passed } = await served.post<EvaluationAnswer>(`/v1/runs/${base.run}/gates/evaluate`, ada);
    expect(passed.overall).toBe('passed');
    const gates = ['{version: 1}', '{version: 9}', '{last_passed: 3}', 'production']
      .map((to, index) => `  - {id: c${index}, check: compare, metric: eval_loss, to: ${to}}`)
      .join('\n');
    await publish(model, `gates:\n${gates}\n`);
    const judged = async () => {
      const sample = new SampleRun(model);
      await seal(...sample.whole({ rows: [...SOUND_ROWS.slice(0, 10), { step: 100, kind: 'eval', eval_loss: 1.3 }] }));
      const [verdict] = await served.verdicts(sample.run, ada);
      return verdict?.gates.slice(6).map((gate) => [gate.verdict, gate.baseline?.value ?? null]);
    };
    const missing = ['missing', null];
    expect(await judged()).toEqual([missing, missing, ['pass', 1.25], missing]);
    await promote(model, base.run, passed);
    expect(await judged()).toEqual([['pass', 1.25], missing, ['pass', 1.25], ['pass', 1.25]]);
  });

  it('judge anew where a run that was compared with is no longer what it was', async () => {
    const model = newModel();
    await publish(
      model,
      'gates: [{id: last, check: compare, metric: eval_loss, to: {last_passed: 3}}, {id: G4, off: true}]',
    );
    const base = await judgedRun(model);
    const evaluate = async ({ run }: SampleRun) =>
      (await served.post<EvaluationAnswer>(`/v1/runs/${run}/gates/evaluate`, ada)).body;
    // Nothing passed before, so its own comparison is missing: without that gate it passes.
    await publish(model, 'gates: [{id: G4, off: true}]');
    expect((await evaluate(base)).overall).toBe('passed');
    await publish(
      model,
      'gates: [{id: last, check: compare, metric: eval_loss, to: {last_passed: 3}}, {id: G4, off: true}]',
    );
    const later = await judgedRun(model);
    expect((await served.verdicts(later.run, ada))[0]?.gates.at(-1)).toMatchObject({ verdict: 'pass' });
    await seal(base.logged([{ step: 1, loss: 'NaN' }]));
    const again = await evaluate(later);
    expect([again.is_new, again.gates.at(-1)?.verdict]).toEqual([true, 'missing']);
    expect(await evaluate(later)).toEqual({ ...again, is_new: false });
  });

  /** Version 1, brought to Production by two people as the ledger wants it. */
  async function promote(model: string, run: string, { verdict_id: id, seq, hash }: VerdictAnswer): Promise<void> {
    const stream = `model/${model}`;
    const verdict = { id, seq, hash };
    const artifact = { digest: digestOf('weights'), path: null, type: null };
    const trigger = { seq: 1, hash: '4'.repeat(64) };
    const [request, ...approvals] = [uuidv7(), uuidv7(), uuidv7()] as const;
    const [asker, ...approvers] = await Promise.all(['asker', 'ben', 'eve'].map((name) => site.person(name)));
    const registered = { version: 1, run, trigger, artifact };
    await seal({ type: 'model.version-registered', stream, payload: registered });
    const asked = { version: 1, from: 'Staging', to: 'Production', reason: 'ready' } as const;
    await site.seal(
      [{ type: 'model.transition-requested', stream, id: request, payload: asked }],
      (asker as Person).actor,
    );
    for (const [index, approver] of approvers.entries()) {
      const payload = {
        version: 1,
        request,
        artifact: artifact.digest,
        verdict,
        meaning: 'approval',
        reason: 'looked at',
      };
      await site.seal([{ type: 'model.approval-given', stream, id: approvals[index]!, payload }], approver.actor);
    }
    const moved = { version: 1, from: 'Staging', to: 'Production' } as const;
    const payload = { ...moved, request, verdict, approvals: [...approvals], reason: null };
    await seal({ type: 'model.stage-changed', stream, payload });
  }
});
