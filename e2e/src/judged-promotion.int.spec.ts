import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@runseal/lineage';
import type { CommandAnswer, ModelItem, VersionAnswer } from '@runseal/registry';
import { demoFolder, gatesOf, JudgedSite, LIMIT_MS, MODEL } from './judged-site.fixture.js';

// From a judged run to Production and into doubt, by the commands that several persons type, against everything in one process
// as built. The tests go on from one another: together they are one story.

let site: JudgedSite;
let healthy: string;
const keys = { ada: '', bob: '', eve: '', bot: '' };

beforeAll(async () => {
  site = await JudgedSite.open();
  healthy = (await site.importFolder(demoFolder('healthy-lora'))).run_id;
  await site.json(['baseline', 'set', '--model', MODEL, '--run', healthy, '--reason', 'the first of its model']);
  await site.why(healthy, 0, '--evaluate');
  await site.importFolder(demoFolder('overfit-full'));
  await site.versionThat(MODEL, 1, ({ stage }) => stage === 'Candidate');
}, LIMIT_MS);

afterAll(() => site?.close());

const versionNow = (...more: string[]) => site.json<VersionAnswer>(['models', MODEL, '1', ...more]);

test(
  'keys are made for two more persons, one who asks, and a service',
  async () => {
    const all = ['read', 'approve', 'events:write', 'policy:write'];
    for (const person of ['ada', 'bob', 'eve'] as const) keys[person] = await site.createKey(person, 'person', ...all);
    keys.bot = await site.createKey('bot', 'service', 'read', 'events:write', 'policy:write');
    expect(new Set(Object.values(keys)).size).toBe(4);
  },
  LIMIT_MS,
);

test(
  'a run with warnings becomes a candidate when a person accepts them, not when a service does',
  async () => {
    const folder = await site.copy('healthy-lora', 'without-evaluations');
    const withoutEval = (text: string) =>
      text
        .split('\n')
        .filter((line) => !line.includes('"eval_loss"'))
        .join('\n');
    await site.edit(join(folder, 'trainer_log.jsonl'), withoutEval);
    await site.edit(join(folder, 'trainer_state.json'), (text) => {
      const state = JSON.parse(text) as { log_history: object[] };
      return JSON.stringify({ ...state, log_history: state.log_history.filter((row) => !('eval_loss' in row)) });
    });
    await site.edit(join(folder, 'facts.yaml'), (text) => text.replace(MODEL, 'unevaluated'));
    await Promise.all(['eval_results.json', 'all_results.json'].map((name) => writeFile(join(folder, name), '{}')));
    const { run_id, overall } = await site.importFolder(
      folder,
      '--name',
      'unevaluated',
      '--run',
      '019bf9da-6cbb-7acb-a255-12100f80b56f',
    );
    expect(overall).toBe('warnings');
    const verdict = await site.why(run_id);
    expect(gatesOf(verdict)).toMatchObject({ G1: 'pass', G3: 'missing', G4: 'missing', G6: 'pass' });
    const waiting = await site.versionThat(
      'unevaluated',
      1,
      ({ next }) => next?.unmet[0]?.requirement === 'warnings_accepted',
    );
    expect(waiting.stage).toBe('None');
    const accept = ['accept-warnings', 'unevaluated', '--reason', 'only to try the way'];
    expect(await site.cli(accept, keys.bot)).toMatchObject({ exitCode: 1, out: '' });
    expect(await site.json(accept, { key: keys.ada })).toMatchObject({ run_id, verdict_id: verdict.verdict_id });
    await site.versionThat('unevaluated', 1, ({ stage }) => stage === 'Candidate');
    expect((await site.cli(['show', 'unevaluated'])).out).toMatch(
      /\n {2}warnings, accepted by p_[a-z2-7]{26}: G1 pass/,
    );
    expect((await site.cli(['accept-warnings', 'overfit-full', '--reason', 'no'], keys.ada)).exitCode).toBe(1);
  },
  LIMIT_MS,
);

describe('a promotion', () => {
  const promote = (to: string, exitCode: number, key?: string) =>
    site.json<CommandAnswer>(['promote', MODEL, '1', '--to', to, '--reason', 'for the story'], {
      exitCode,
      ...(key ? { key } : {}),
    });
  const approve = (exitCode: number, key: string) =>
    site.json<CommandAnswer>(['approve', MODEL, '1', '--reason', 'read it all'], { exitCode, key });
  const admin = () => site.credentials.api_key;

  test(
    'to Staging comes at once, from a service too; to Production not from a service, nor past Staging',
    async () => {
      expect(await promote('Production', 1)).toMatchObject({
        error: expect.stringContaining('stage: found Candidate') as string,
      });
      expect((await promote('Staging', 0, keys.bot)).version?.stage).toBe('Staging');
      expect(await promote('Production', 1, keys.bot)).toMatchObject({
        error: expect.stringContaining('a person') as string,
      });
    },
    LIMIT_MS,
  );

  test(
    'to Production waits for two persons: not who asked, not who started the run, no service, nobody twice',
    async () => {
      expect((await promote('Production', 0, keys.eve)).version).toMatchObject({ stage: 'Staging' });
      const because = (words: string) => ({ error: expect.stringContaining(words) as string });
      expect(await approve(1, keys.eve)).toMatchObject(because('asked for it'));
      expect(await approve(1, admin())).toMatchObject(because('started the run'));
      expect(await approve(1, keys.bot)).toMatchObject(because('"approve"'));
      expect((await approve(0, keys.ada)).version?.next?.unmet[0]?.found).toMatch(/^1, by p_/);
      expect(await approve(1, keys.ada)).toMatchObject(because('has approved it'));
      expect((await versionNow()).stage).toBe('Staging');
    },
    LIMIT_MS,
  );

  test(
    'is refused when a new verdict comes in between: what was approved is void',
    async () => {
      const before = await site.why(healthy);
      await site.sealLateRow(healthy, 338, { loss: 3.1, grad_norm: 2 });
      const after = await site.verdictThat(healthy, ({ seq }) => seq > before.seq);
      expect(after).toMatchObject({ overall: 'passed', superseded_by: null });
      const refused = await site.versionThat(MODEL, 1, ({ open_request }) => open_request === null);
      expect(refused.requests.at(-1)).toMatchObject({ outcome: 'refused', decisions: [{ is_given: true }] });
      expect(refused.refusals.at(-1)?.unmet[0]).toMatchObject({
        ...{ requirement: 'verdict', found: expect.stringContaining('voids what was approved') as string },
      });
      expect(await approve(1, keys.bob)).toMatchObject({ error: expect.stringContaining('none is open') as string });
    },
    LIMIT_MS,
  );

  test(
    'asked for anew, two persons bring it to Production',
    async () => {
      await promote('Production', 0, keys.eve);
      await approve(0, keys.ada);
      await approve(0, keys.bob);
      const now = await site.versionThat(MODEL, 1, ({ stage }) => stage === 'Production');
      expect(now.requests.at(-1)).toMatchObject({ outcome: 'granted' });
      const { items } = await site.json<Page<ModelItem>>(['models']);
      expect(items.find(({ model }) => model === MODEL)).toMatchObject({ versions: 2, production: [1] });
      const adapter = join(demoFolder('healthy-lora'), 'adapter_model.safetensors');
      const checked = await site.cli(['check', adapter, '--stage', 'Production']);
      expect(checked).toMatchObject({ exitCode: 0 });
      expect(checked.out).toMatch(/stage Production\n {4}approved by p_[a-z2-7]{26} and p_[a-z2-7]{26}\n/);
    },
    LIMIT_MS,
  );

  test(
    'leaves every refusal in the ledger, and all of it can be asked for as it was',
    async () => {
      const now = await versionNow();
      expect(now.refusals.map(({ to, unmet }) => `${to}: ${unmet[0]?.requirement}`)).toEqual([
        ...['Production: stage', 'Production: person', 'Production: verdict'],
      ]);
      expect(now.stages.map(({ stage }) => stage)).toEqual(['None', 'Candidate', 'Staging', 'Production']);
      for (const { stage, since_seq } of now.stages) {
        expect((await versionNow('--as-of', String(since_seq))).stage).toBe(stage);
      }
      const text = (await site.cli(['models', MODEL, '1'])).out;
      expect(text).toMatch(
        /\nRefusals\n {2}\S+ \S+: to Production, for p_[a-z2-7]{26}, record \d+:\n {4}stage: found Candidate\n/,
      );
    },
    LIMIT_MS,
  );

  test(
    'tags are set, replaced and taken away, and stay readable as of before',
    async () => {
      const tag = (...tags: string[]) => site.json<CommandAnswer>(['tag', MODEL, '1', ...tags]);
      const first = await tag('owner=nlp', 'risk_class=limited');
      await tag('owner=platform team', 'risk_class=');
      const seq = first.receipts[0]?.seq ?? -1;
      expect((await site.versionThat(MODEL, 1, ({ tags }) => tags['owner'] !== 'nlp')).tags).toEqual({
        owner: 'platform team',
      });
      expect((await versionNow('--as-of', String(seq))).tags).toEqual({ owner: 'nlp', risk_class: 'limited' });
      expect((await site.cli(['tag', MODEL, '1', 'owner'])).exitCode).toBe(2);
    },
    LIMIT_MS,
  );
});

test(
  'a late event that breaks a run supersedes its verdict, and contests the version in Production',
  async () => {
    const before = await site.why(healthy);
    await site.sealLateRow(healthy, 339, { loss: 'NaN', grad_norm: 1 });
    const after = await site.verdictThat(healthy, ({ overall }) => overall === 'blocked');
    expect(gatesOf(after)['G1']).toBe('fail');
    expect((await site.why(healthy, 1)).verdict_id).toBe(after.verdict_id);
    const then = await site.why(healthy, 0, '--as-of', String(after.seq - 1));
    expect(then).toMatchObject({ verdict_id: before.verdict_id, overall: 'passed' });
    await site.versionThat(MODEL, 1, ({ contested }) => contested);
    expect((await site.cli(['models', MODEL, '1'])).out).toMatch(/\n {2}stage +Production, CONTESTED/);
    const adapter = join(demoFolder('healthy-lora'), 'adapter_model.safetensors');
    const checked = await site.cli(['check', adapter, '--stage', 'Production']);
    expect(checked).toMatchObject({ exitCode: 1, out: expect.stringContaining('contested') as string });
  },
  LIMIT_MS,
);

describe('whoever doubts', () => {
  const verify = async () => {
    const { exitCode, out } = await site.cli(['verify', '--json']);
    return { exitCode, ...(JSON.parse(out) as { verdict: string; faults: { kind: string; seq: number }[] }) };
  };

  test(
    'finds the ledger intact, an edit by its record, and nothing once it is undone',
    async () => {
      expect(await verify()).toMatchObject({ exitCode: 0, verdict: 'intact', faults: [] });
      const done = await site.cli(['demo', 'tamper', 'edit']);
      expect(done).toMatchObject({ exitCode: 0, out: expect.stringContaining('runseal verify') as string });
      const found = await verify();
      expect(found).toMatchObject({ exitCode: 1, verdict: 'tampered', faults: [{ kind: 'payload_mismatch' }] });
      expect((await site.cli(['verify'])).out).toContain(`record ${found.faults[0]?.seq}: payload_mismatch`);
      expect((await site.cli(['demo', 'tamper', '--undo'])).exitCode).toBe(0);
      expect(await verify()).toMatchObject({ exitCode: 0, verdict: 'intact' });
    },
    LIMIT_MS,
  );

  test(
    'builds all read tables anew and gets the same digests',
    async () => {
      const { rebuilt } = await site.json<{
        rebuilt: { service: string; outcome: string; before: string; after: string }[];
      }>([...['rebuild', 'all']]);
      expect(rebuilt.map(({ service, outcome }) => ({ service, outcome }))).toEqual([
        ...['lineage', 'gates', 'registry'].map((service) => ({ service, outcome: 'swapped' })),
      ]);
      for (const { before, after } of rebuilt) expect(after).toBe(before);
      expect((await site.why(healthy, 1)).overall).toBe('blocked');
    },
    LIMIT_MS,
  );
});
