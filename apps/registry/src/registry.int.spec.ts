import { randomUUID } from 'node:crypto';
import { LedgerRecordSource } from '@runseal/ledger';
import { openPool } from '@runseal/postgres';
import { rebuild, schemaOf } from '@runseal/projections';
import { TestServer } from '@runseal/testing';
import type { CommandAnswer, ComplianceAnswer, ModelItem, Page, VersionAnswer, VersionItem } from './answers.js';
import { REGISTRY_PRINCIPAL } from './due-sealer.js';
import { registryProjection } from './projection.js';
import { newName, ServedRegistry, Site, type Person } from './registry-site.fixture.js';
import { verdictOn, wholeRun } from './whole-run.fixture.js';

const WEIGHTS = `sha256:${'1'.repeat(64)}`;
const because = { reason: 'replaces the one before' };
const approval = { decision: 'approve', meaning: 'review', reason: 'read the samples' };

let server: TestServer;
let site: Site;
let served: ServedRegistry;
let trainer: Person;
let asker: Person;
let ada: Person;
let ben: Person;

beforeAll(async () => {
  server = await TestServer.start(18);
  site = await Site.open(server);
  served = await site.serve();
  [trainer, asker, ada, ben] = (await Promise.all(
    ['trainer', 'asker', 'ada', 'ben'].map((name) => site.person(name)),
  )) as [Person, Person, Person, Person];
}, 60_000);
afterAll(async () => {
  await served?.close();
  await site?.close();
  await server?.remove();
});

/** A run that ended with weights, judged as told; nothing where it is not to be judged. */
async function train(more: { overall?: 'passed' | 'warnings' | 'blocked' | null; weights?: string | null } = {}) {
  const { overall = 'passed', weights = WEIGHTS } = more;
  const [model, run] = [newName(), randomUUID()];
  await site.seal(wholeRun({ run, weights, model }), trainer.actor);
  if (overall !== null) await site.seal([verdictOn(run, overall)], 'p_'.padEnd(28, 'g'));
  return { model, run, path: `/v1/models/${model}/versions/1` };
}
const judge = (run: string, overall: 'passed' | 'blocked') =>
  site.seal([verdictOn(run, overall)], 'p_'.padEnd(28, 'g'));

const show = async (path: string) => (await served.get<VersionAnswer>(path, ada)).body;
const ask = (path: string, to: string, by: Person = asker) =>
  served.post<CommandAnswer>(`${path}/transitions`, by, { to, ...because });
const approve = (path: string, by: Person, more: object = {}) =>
  served.post<CommandAnswer>(`${path}/approvals`, by, { ...approval, ...more });
const unmet = ({ body }: { body: { unmet?: readonly { requirement: string }[] } }) =>
  body.unmet?.map(({ requirement }) => requirement);
const typesOf = async (model: string) => (await site.records(`model/${model}`)).map(({ type }) => type);

/** In Staging, with an open request for Production. */
async function requested() {
  const trained = await train();
  await served.settle();
  expect((await ask(trained.path, 'Staging')).status).toBe(201);
  expect((await ask(trained.path, 'Production')).status).toBe(201);
  return trained;
}

describe('the way of a version', () => {
  it('leads from a finished run to Production by two persons, and every answer says what comes next', async () => {
    const { model, run, path } = await train({ overall: null });
    expect(await show(path)).toMatchObject({
      ...{ model, version: 1, run_id: run, stage: 'None', overall: null, contested: false },
      artifact: { digest: WEIGHTS, path: 'out', type: 'lora' },
      registered: { actor: REGISTRY_PRINCIPAL },
      next: { to: 'Candidate', unmet: [{ requirement: 'verdict' }] },
    });

    await judge(run, 'passed');
    expect(await show(path)).toMatchObject({ stage: 'Candidate', next: { to: 'Staging' }, compliance: 'met' });

    const staged = await ask(path, 'Staging');
    expect([staged.status, staged.body.receipts.length]).toEqual([201, 2]);
    expect(staged.body.version).toMatchObject({ stage: 'Staging', open_request: null });

    const asked = await ask(path, 'Production');
    expect(asked.body.version).toMatchObject({ stage: 'Staging', open_request: asked.body.receipts[0]?.id });
    expect(asked.body.version?.next?.unmet).toMatchObject([
      { requirement: 'approvals', command: `runseal approve ${model} 1 --reason "..."` },
    ]);

    expect((await approve(path, ada)).body.version).toMatchObject({ stage: 'Staging' });
    const last = await approve(path, ben);
    expect([last.status, last.body.version?.stage]).toEqual([201, 'Production']);
    const done = await show(path);
    expect(done).toMatchObject({ stage: 'Production', open_request: null, next: null });
    expect(done.stages.map(({ stage }) => stage)).toEqual(['None', 'Candidate', 'Staging', 'Production']);
    expect(done.stages.at(-1)?.approvals).toEqual(done.requests.at(-1)?.decisions.map(({ id }) => id));
    expect(done.requests.at(-1)?.decisions.map(({ actor }) => actor)).toEqual([ada.actor, ben.actor]);
    expect(await typesOf(model)).toEqual([
      'model.version-registered',
      'model.stage-changed',
      'model.transition-requested',
      'model.stage-changed',
      'model.transition-requested',
      'model.approval-given',
      'model.approval-given',
      'model.stage-changed',
    ]);
  });

  it('ends in Archived at once, and goes on only by a new request', async () => {
    const { path } = await requested();
    expect((await ask(path, 'Archived')).body.version).toMatchObject({ stage: 'Archived', open_request: null });
    expect(unmet(await approve(path, ada))).toEqual(['request']);
    expect(unmet(await ask(path, 'Production'))).toEqual(['stage']);
    expect((await ask(path, 'Staging')).body.version).toMatchObject({ stage: 'Staging' });
  });

  it('begins with accepted warnings where a person accepts those of the newest verdict', async () => {
    const { run, path } = await train({ overall: 'warnings' });
    const waiting = await show(path);
    expect(waiting).toMatchObject({
      stage: 'None',
      next: { unmet: [{ requirement: 'warnings_accepted', command: `runseal accept-warnings ${run} --reason "..."` }] },
    });
    const { id, hash } = waiting.verdict as { id: string; hash: string };
    const payload = { verdict: id, verdict_hash: hash, reason: 'small set' };
    await site.seal([{ type: 'run.warnings-accepted', stream: `run/${run}`, payload }], ada.actor);
    expect(await show(path)).toMatchObject({ stage: 'Candidate', overall: 'warnings', compliance: 'met' });
  });

  it('gives the versions of one model consecutive numbers, however quickly their runs finish', async () => {
    const model = newName();
    const runs = Array.from({ length: 6 }, () => randomUUID());
    for (const run of runs) {
      await site.seal([...wholeRun({ run, weights: WEIGHTS, model }), verdictOn(run)], trainer.actor);
    }
    const { body } = await served.get<Page<VersionItem>>(`/v1/models/${model}/versions`, ada);
    expect(body.items.map(({ version, run_id, stage }) => [version, run_id, stage])).toEqual(
      [...runs].reverse().map((run, index) => [6 - index, run, 'Candidate']),
    );
  });
});

describe('a refusal', () => {
  it('names everything that is unmet with the command for it, and is kept', async () => {
    const { model, path } = await train({ overall: 'blocked' });
    await served.settle();
    const refused = await ask(path, 'Production');
    expect([refused.status, refused.body.code]).toEqual([409, 'transition_refused']);
    expect(unmet(refused)).toEqual(['stage', 'verdict', 'compliance']);
    const [, kept] = await site.records(`model/${model}`);
    expect(kept).toMatchObject({
      ...{ type: 'model.transition-refused', actor: asker.actor },
      payload: { from: 'None', to: 'Production', request: null, unmet: refused.body.unmet },
    });
    expect(await show(path)).toMatchObject({ refusals_total: 1, refusals: [{ to: 'Production' }], stage: 'None' });
  });

  it('meets who approves twice, asked, started the run, or is a service', async () => {
    const { model, path } = await requested();
    await approve(path, ada);
    const twice = await approve(path, ada);
    expect([twice.status, twice.body.code, unmet(twice)]).toEqual([409, 'approval_refused', ['approvals']]);
    expect(unmet(await approve(path, asker))).toEqual(['independence']);
    expect(unmet(await approve(path, trainer))).toEqual(['independence']);
    const writer = await site.person('writer', { scopes: ['events:write', 'read'] });
    expect((await approve(path, writer)).status).toBe(403);
    const job = await site.person('job', { kind: 'service', scopes: ['events:write', 'read'] });
    expect(unmet(await ask(path, 'Production', job))).toContain('person');
    expect(await show(path)).toMatchObject({ stage: 'Staging' });
    expect((await typesOf(model)).filter((type) => type === 'model.approval-given')).toHaveLength(1);
  });

  it('meets a service that takes a version out of Production, not one that brings it to Staging', async () => {
    const job = await site.person('pipeline', { kind: 'service', scopes: ['events:write', 'read'] });
    const { path } = await train();
    await served.settle();
    expect((await ask(path, 'Staging', job)).status).toBe(201);
    await ask(path, 'Production');
    await approve(path, ada);
    await approve(path, ben);
    await served.settle();
    expect(unmet(await ask(path, 'Archived', job))).toEqual(['person']);
    expect((await ask(path, 'Archived')).status).toBe(201);
  });

  it('by one person closes the request', async () => {
    const { model, path } = await requested();
    await approve(path, ada);
    expect((await approve(path, trainer, { decision: 'refuse' })).status).toBe(201);
    expect(unmet(await approve(path, ben))).toEqual(['request']);
    expect(await show(path)).toMatchObject({ open_request: null, stage: 'Staging' });
    expect(await typesOf(model)).toContain('model.approval-refused');
  });

  it.each([
    ['transitions', { to: 'Live', reason: 'x' }, '/to'],
    ['transitions', { to: 'Staging', reason: '' }, '/reason'],
    ['transitions', { to: 'Staging', reason: 'x', actor: 'p_x' }, '/actor'],
    ['approvals', { ...approval, request: 'mine' }, '/request'],
    ['approvals', { ...approval, decision: 'yes' }, '/decision'],
    ['tags', { tags: {} }, '/tags'],
    ['tags', { tags: { owner: 7 } }, '/tags/owner'],
  ])('of a malformed body for %s names the place: %j', async (what, body, place) => {
    const answer = await served.post<{ errors: { path: string }[] }>(`/v1/models/m/versions/1/${what}`, ada, body);
    expect([answer.status, answer.body.errors.map(({ path }) => path)]).toEqual([400, [place]]);
  });

  it('of what is not there is a 404, and of a key of another ledger a 403', async () => {
    expect((await served.get('/v1/models/none/versions', ada)).status).toBe(404);
    expect((await served.get('/v1/models/none/versions/1', ada)).status).toBe(404);
    expect((await ask('/v1/models/none/versions/1', 'Staging')).status).toBe(404);
    const stranger = await site.person('stranger', { ledger: 'elsewhere' });
    expect((await served.get('/v1/models', stranger)).status).toBe(403);
  });
});

describe('a newer verdict', () => {
  it('refuses an open request, and voids what was approved', async () => {
    const { model, run, path } = await requested();
    await approve(path, ada);
    const { seq } = await judge(run, 'passed');
    const after = await show(path);
    expect(after).toMatchObject({ stage: 'Staging', open_request: null, verdict: { seq } });
    expect(after.requests.at(-1)).toMatchObject({ outcome: 'refused' });
    expect((await site.records(`model/${model}`)).at(-1)).toMatchObject({
      type: 'model.transition-refused',
      payload: { to: 'Production', unmet: [{ requirement: 'verdict' }] },
    });
    expect(unmet(await approve(path, ben))).toEqual(['request']);
  });

  it('that is sealed before the reader has seen the last approval keeps the version out of Production', async () => {
    const { model, run, path } = await requested();
    await approve(path, ada);
    const { open_request: request, artifact, verdict } = await show(path);
    const { id, seq, hash } = verdict as { id: string; seq: number; hash: string };
    const given = { version: 1, request: request as string, artifact: artifact.digest, verdict: { id, seq, hash } };
    await site.whileReaderWaits(async () => {
      const payload = { ...given, meaning: 'review', reason: 'read' };
      await site.seal([{ type: 'model.approval-given', stream: `model/${model}`, payload }], ben.actor);
      await judge(run, 'passed');
    });
    const { stage, requests } = await show(path);
    expect([stage, requests.at(-1)?.outcome]).toEqual(['Staging', 'refused']);
    expect((await typesOf(model)).slice(-2)).toEqual(['model.approval-given', 'model.transition-refused']);
  });

  it('that is sealed while somebody asks refuses what they ask for', async () => {
    const { model, run, path } = await train();
    await served.settle();
    await ask(path, 'Staging');
    const asked = await site.whileReaderWaits(async () => {
      const { sealed_at } = await judge(run, 'blocked');
      const answer = ask(path, 'Production');
      await site.untilSealWasTried(sealed_at);
      return { answer };
    });
    const answer = await asked.answer;
    expect([answer.status, answer.body.code, unmet(answer)]).toEqual([
      409,
      'transition_refused',
      ['verdict', 'compliance'],
    ]);
    await served.settle();
    expect((await typesOf(model)).at(-1)).toBe('model.transition-refused');
  });

  it('that blocks makes a version in Staging or Production contested, and a candidate none', async () => {
    const candidate = await train();
    await served.settle();
    await judge(candidate.run, 'blocked');
    expect(await show(candidate.path)).toMatchObject({ stage: 'Candidate', contested: false, overall: 'blocked' });

    const { run, path, model } = await requested();
    await approve(path, ada);
    await approve(path, ben);
    expect(await show(path)).toMatchObject({ stage: 'Production', contested: false });
    const { seq } = await judge(run, 'blocked');
    expect(await show(path)).toMatchObject({ stage: 'Production', contested: true, overall: 'blocked' });
    const { body } = await served.get<Page<VersionItem>>(`/v1/models/${model}/versions`, ada);
    expect(body.items).toMatchObject([{ version: 1, contested: true }]);
    expect(await show(`${path}?as_of=${seq - 1}`)).toMatchObject({ stage: 'Production', contested: false });
  });
});

describe('what is known of versions', () => {
  it('is told as of any record, and as of a time', async () => {
    const { model, path } = await requested();
    const before = await show(path);
    const [registered, candidate, , staging] = await site.records(`model/${model}`);
    const at = (seq: number | undefined) => show(`${path}?as_of=${seq}`);
    expect(await at(registered?.seq)).toMatchObject({ stage: 'None', requests: [] });
    expect(await at(candidate?.seq)).toMatchObject({ stage: 'Candidate', open_request: null });
    expect(await at(staging?.seq)).toMatchObject({ stage: 'Staging', open_request: null });
    expect(await at(1_000_000)).toEqual(before);
    expect(await show(`${path}?as_of=2100-01-01T00:00:00Z`)).toEqual(before);
    expect((await served.get(`${path}?as_of=0`, ada)).status).toBe(404);
    expect((await served.get(`${path}?as_of=soon`, ada)).status).toBe(400);
    const list = await served.get<Page<VersionItem>>(`/v1/models/${model}/versions?as_of=${candidate?.seq}`, ada);
    expect(list.body.items).toMatchObject([{ version: 1, stage: 'Candidate' }]);
    const all = (query: string) => served.get<Page<ModelItem>>(`/v1/models?limit=500${query}`, ada);
    const found = async (query: string) => (await all(query)).body.items.find((item) => item.model === model);
    expect(await found('')).toEqual({ model, versions: 1, production: [], newest: { version: 1, stage: 'Staging' } });
    expect(await found(`&as_of=${candidate?.seq}`)).toMatchObject({ newest: { version: 1, stage: 'Candidate' } });
    expect(await found('&as_of=0')).toBeUndefined();
  });

  it('lists models and versions page by page', async () => {
    const names: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await served.get<Page<ModelItem>>(`/v1/models?limit=2${cursor}`, ada);
      names.push(...body.items.map(({ model }) => model));
      if (body.next_cursor === null) break;
      cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
    }
    expect(names).toEqual([...new Set(names)].sort());
    expect(names.length).toBeGreaterThan(5);
    expect((await served.get('/v1/models?cursor=nonsense', ada)).status).toBe(400);
  });

  it('holds compliance with every control, and tags with who set them', async () => {
    const { path } = await train();
    const { body } = await served.get<ComplianceAnswer>(`${path}/compliance`, ada);
    expect(body).toMatchObject({ overall: 'met', model_version: 1 });
    expect(body.controls.length).toBeGreaterThan(20);
    const set = (tags: object) => served.post<CommandAnswer>(`${path}/tags`, ada, { tags });
    await set({ owner: 'search', intended_use: 'answers', risk_class: 'limited' });
    const { version } = (await set({ owner: 'chat', personal_data: 'none', risk_class: null })).body;
    expect(version?.tags).toEqual({ owner: 'chat', intended_use: 'answers', personal_data: 'none' });
    expect(version?.tag_history['owner']).toMatchObject({ value: 'chat', actor: ada.actor });
  });

  it('takes a finished run without weights in by hand, once, and then never to Production', async () => {
    const { model, run, path } = await train({ weights: null });
    expect((await served.get(path, ada)).status).toBe(404);
    const register = () => served.post<CommandAnswer>(`/v1/models/${model}/versions`, ada, { run });
    expect((await register()).body.version).toMatchObject({ version: 1, artifact: { digest: null } });
    expect(unmet(await register())).toEqual(['one_version']);
    await served.settle();
    expect(unmet(await ask(path, 'Production'))).toContain('artifact');
    const unknown = await served.post(`/v1/models/${model}/versions`, ada, { run: randomUUID() });
    expect(unknown.status).toBe(404);
  });
});

it('is the same after a rebuild, to the byte', async () => {
  await served.settle();
  const pool = openPool({
    ...{ url: site.urlAs('registry'), applicationName: 'test-rebuild' },
    searchPath: schemaOf(registryProjection),
  });
  const report = await rebuild({
    ...{ pool, projection: registryProjection, ledger: 'default' },
    source: new LedgerRecordSource(pool),
  });
  await pool.end();
  expect([report.outcome, report.differing]).toEqual(['swapped', []]);
  expect(report.records).toBeGreaterThan(300);
});
