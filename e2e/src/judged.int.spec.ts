import { appendFile, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VerdictAnswer } from '@runseal/gates';
import type { CompareAnswer, GraphAnswer, Page, RunAnswer, RunItem } from '@runseal/lineage';
import type { CommandAnswer, ModelItem, VersionAnswer } from '@runseal/registry';
import { waitFor } from '@runseal/testing';
import { demoFolder, ended, JudgedSite } from './judged-site.fixture.js';

// The whole way of a judged run, by the commands that a person types, against everything in one process as built. The tests go
// on from one another: together they are one story.

const MODEL = 'tiny-llama-demo';
/** Each command is a process of its own; on a machine that does other things too they take their time. */
const LIMIT_MS = 90_000;
let site: JudgedSite;
let healthy: string;
let overfit: string;
const keys = { ada: '', bob: '', eve: '', bot: '' };

beforeAll(async () => {
  site = await JudgedSite.open();
}, LIMIT_MS);

afterAll(() => site?.close());

interface Imported {
  run_id: string;
  state: string;
  overall: string;
  events: number;
  sealed: number;
  duplicates: number;
}

const importFolder = (folder: string, ...more: string[]) =>
  site.json<Imported>([
    ...['import', 'llamafactory', folder, '--experiment', 'demo', '--dataset', join(folder, 'train.json')],
    ...['--facts', join(folder, 'facts.yaml'), ...more],
  ]);

const why = async (run: string, exitCode = 0, ...more: string[]) =>
  site.json<VerdictAnswer>(['why', run, ...more], { exitCode });
const versionOf = (model: string, version: number, ...more: string[]) =>
  site.json<VersionAnswer>(['models', model, String(version), ...more]);

/** The version once it is as wanted: the registry follows the ledger. */
const versionThat = (model: string, version: number, is: (now: VersionAnswer) => boolean): Promise<VersionAnswer> =>
  waitFor(`${model} version ${version}`, async () => {
    const answer = await site.request(`/v1/models/${model}/versions/${version}`);
    const now = answer.ok ? ((await answer.json()) as VersionAnswer) : null;
    return now !== null && is(now) && now;
  });

const verdictThat = (run: string, is: (now: VerdictAnswer) => boolean): Promise<VerdictAnswer> =>
  waitFor(`a verdict on ${run}`, async () => {
    const answer = await site.request(`/v1/runs/${run}/gates?limit=1`);
    const [newest] = ((await answer.json()) as Page<VerdictAnswer>).items;
    return newest !== undefined && is(newest) && newest;
  });

const gatesOf = ({ gates }: VerdictAnswer) => Object.fromEntries(gates.map(({ id, verdict }) => [id, verdict]));

/** One more row of the run, long after its end. */
async function sealLateRow(run: string, step: number, values: Record<string, number | 'NaN'>): Promise<number> {
  const attempt = (await site.records(`run/${run}`)).find(({ type }) => type === 'run.attempt-started')?.id ?? '';
  return site.submit('run.metrics-logged', run, {
    attempt,
    rows: [{ kind: 'train', step, n: 0, at: null, epoch: null, values }],
  });
}

test(
  'the first run is judged without a baseline, becomes it, and a candidate; the second is blocked by it',
  async () => {
    const first = await importFolder(demoFolder('healthy-lora'));
    healthy = first.run_id;
    expect(first).toMatchObject({ state: 'finished', overall: 'warnings', duplicates: 0, sealed: first.events });
    expect(gatesOf(await why(healthy))).toEqual({
      ...{ G1: 'pass', G2: 'pass', G3: 'pass', G4: 'missing', G5: 'skipped', G6: 'pass' },
    });
    await site.json([
      'baseline',
      'set',
      '--model',
      MODEL,
      '--run',
      'healthy-lora',
      '--reason',
      'the first of its model',
    ]);
    const judged = await why('healthy-lora', 0, '--evaluate');
    expect(judged).toMatchObject({ run_id: healthy, overall: 'passed', is_new: true });
    expect(gatesOf(judged)['G4']).toBe('pass');
    await versionThat(MODEL, 1, ({ stage }) => stage === 'Candidate');
    const second = await importFolder(demoFolder('overfit-full'));
    overfit = second.run_id;
    expect(second.overall).toBe('blocked');
    expect(gatesOf(await why(overfit, 1))).toMatchObject({
      G1: 'pass',
      G2: 'pass',
      G3: 'fail',
      G4: 'fail',
      G6: 'pass',
    });
    expect(await importFolder(demoFolder('healthy-lora'))).toMatchObject({
      run_id: healthy,
      sealed: 0,
      overall: 'passed',
    });
  },
  LIMIT_MS,
);

describe('the reading commands', () => {
  test(
    'list, show and compare the runs, found by their names',
    async () => {
      const { items } = await site.json<Page<RunItem>>(['runs', '--experiment', 'demo', '--sort', 'name']);
      expect(items.map(({ name, state, overall, faults }) => ({ name, state, overall, faults }))).toEqual([
        { name: 'healthy-lora', state: 'finished', overall: 'passed', faults: 0 },
        { name: 'overfit-full', state: 'finished', overall: 'blocked', faults: 0 },
      ]);
      const { run } = await site.json<{ run: RunAnswer }>(['show', overfit.slice(0, 13)]);
      expect(run).toMatchObject({ run_id: overfit, model: { name: MODEL, version: 2, stage: 'None' } });
      const shown = await site.cli(['show', 'overfit-full']);
      expect(shown).toMatchObject({ exitCode: 0, err: '' });
      expect(shown.out).toMatch(/\n {2}eval_loss {6}[▁-█]+ 4\.66259 best at step 40: stop here\n/);
      expect(shown.out).toContain('blocked: G1 pass  G2 pass  G3 FAIL (warn)  G4 FAIL (block)  G5 skipped  G6 pass');
      const compared = await site.json<CompareAnswer>(['compare', 'healthy-lora', 'overfit-full']);
      const differing = Object.fromEntries(compared.parameters.differing.map(({ name, values }) => [name, values]));
      expect(differing).toMatchObject({ finetuning_type: ['lora', 'full'], lora_rank: [8, null] });
    },
    LIMIT_MS,
  );

  test(
    'say why, each value with its record, and end with 1 where the run is blocked',
    async () => {
      const told = await site.cli(['why', 'overfit-full']);
      expect(told).toMatchObject({ exitCode: 1, err: '' });
      expect(told.out).toMatch(/^BLOCKED {2}run [^]*\nG4 baseline: FAIL \(block\)\n {3}eval_loss 4\.663 at step 320/);
      expect(told.out).toMatch(/\n {5}eval_loss +4\.662587642669678 {2}\(record \d+\)\n/);
      expect((await site.cli(['why', 'healthy-lora'])).exitCode).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    'give the audit record as YAML and as JSON, each leaf with the record that tells it',
    async () => {
      const yaml = await site.cli(['audit-record', 'healthy-lora']);
      expect(yaml).toMatchObject({ exitCode: 0, err: '' });
      expect(yaml.out).toMatch(/^input_artifacts:\n {2}base_model:\n/);
      const record = await site.json<{ evidence: Record<string, number>; output_artifacts: object }>([
        ...['audit-record', 'healthy-lora'],
      ]);
      expect(record.output_artifacts).toMatchObject({ metrics: { quality_gate_status: 'passed' } });
      const records = await site.records(`run/${healthy}`);
      const told = records.find(({ seq }) => seq === record.evidence['/input_artifacts/dataset/samples']);
      expect(told).toMatchObject({ type: 'run.input-recorded', payload: { kind: 'dataset', samples: 450 } });
    },
    LIMIT_MS,
  );

  test(
    'follow a run up and down, and weights to the model that they are',
    async () => {
      const answer = await site.json<Record<'ancestry' | 'descendants', GraphAnswer>>(['lineage', 'overfit-full']);
      const kindsOf = ({ nodes }: GraphAnswer) => new Set(nodes.map(({ kind, detail }) => detail ?? kind));
      expect([...kindsOf(answer.ancestry)]).toEqual(
        expect.arrayContaining(['base_model', 'dataset', 'config', 'commit']),
      );
      expect([...kindsOf(answer.descendants)]).toEqual(expect.arrayContaining(['weights', 'model_version']));
      expect((await site.cli(['lineage', 'overfit-full'])).out).toMatch(/\nCame from \(5\)\n[^]*\nWent into \(14\)\n/);
      const adapter = join(demoFolder('healthy-lora'), 'adapter_model.safetensors');
      const known = await site.json<object>(['check', adapter, '--stage', 'Candidate']);
      expect(known).toMatchObject({
        ...{ known: true, ok: true, runs: [healthy] },
        versions: [{ model: MODEL, version: 1, stage: 'Candidate', contested: false }],
      });
      expect(await site.json(['check', adapter, '--stage', 'Production'], { exitCode: 1 })).toMatchObject({
        known: true,
      });
      const strange = join(site.folder, 'strange.bin');
      await writeFile(strange, 'nobody recorded this');
      expect((await site.cli(['check', strange])).out).toMatch(/: UNKNOWN, this ledger has never seen it\n/);
      expect((await site.cli(['check', strange])).exitCode).toBe(1);
    },
    LIMIT_MS,
  );

  test(
    'know a folder by its files where one run recorded all of them, and name what it did not',
    async () => {
      const folder = await site.copy('healthy-lora', 'deployed');
      const unknown = await site.json<{ files: { path: string; known: boolean }[] }>(['check', folder], {
        exitCode: 1,
      });
      const strange = unknown.files.filter(({ known }) => !known).map(({ path }) => path);
      expect(strange).toContain('facts.yaml');
      const parts = join(site.folder, 'parts');
      await mkdir(parts);
      for (const name of ['adapter_model.safetensors', 'adapter_config.json', 'tokenizer.json'])
        await copyFile(join(folder, name), join(parts, name));
      expect(await site.json(['check', parts])).toMatchObject({
        known: true,
        ok: true,
        runs: [healthy],
        artifact: null,
      });
      await appendFile(join(parts, 'adapter_config.json'), ' ');
      expect(await site.json(['check', parts], { exitCode: 1 })).toMatchObject({ known: false, ok: false });
    },
    LIMIT_MS,
  );

  test(
    'tell no from what could not be determined',
    async () => {
      const nobody = '00000000-0000-4000-8000-000000000000';
      const ends = async (...args: string[]) => (await site.cli(args)).exitCode;
      expect(await Promise.all([ends('show', 'nobody'), ends('why', nobody), ends('models', 'nothing')])).toEqual([
        1, 1, 1,
      ]);
      expect(await Promise.all([ends('compare', 'healthy-lora'), ends('runs', '--limit', '0'), ends('show')])).toEqual([
        ...[2, 2, 2],
      ]);
      expect(await ends('--url', 'http://127.0.0.1:9', 'runs')).toBe(2);
      const { out, err } = await site.cli(['why', nobody, '--json']);
      expect(JSON.parse(out)).toEqual({ error: `There is no run ${nobody}.` });
      expect(err).not.toMatch(/\n\s+at /);
    },
    LIMIT_MS,
  );
});

test('keys are made for two more persons, one who asks, and a service', async () => {
  const all = ['read', 'approve', 'events:write', 'policy:write'];
  for (const person of ['ada', 'bob', 'eve'] as const) keys[person] = await site.createKey(person, 'person', ...all);
  keys.bot = await site.createKey('bot', 'service', 'read', 'events:write', 'policy:write');
  expect(new Set(Object.values(keys)).size).toBe(4);
});

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
    const { run_id, overall } = await importFolder(
      folder,
      '--name',
      'unevaluated',
      '--run',
      '019bf9da-6cbb-7acb-a255-12100f80b56f',
    );
    expect(overall).toBe('warnings');
    const verdict = await why(run_id);
    expect(gatesOf(verdict)).toMatchObject({ G1: 'pass', G3: 'missing', G4: 'missing', G6: 'pass' });
    const waiting = await versionThat(
      'unevaluated',
      1,
      ({ next }) => next?.unmet[0]?.requirement === 'warnings_accepted',
    );
    expect(waiting.stage).toBe('None');
    const accept = ['accept-warnings', 'unevaluated', '--reason', 'only to try the way'];
    expect(await site.cli(accept, keys.bot)).toMatchObject({ exitCode: 1, out: '' });
    expect(await site.json(accept, { key: keys.ada })).toMatchObject({ run_id, verdict_id: verdict.verdict_id });
    await versionThat('unevaluated', 1, ({ stage }) => stage === 'Candidate');
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
      expect((await versionOf(MODEL, 1)).stage).toBe('Staging');
    },
    LIMIT_MS,
  );

  test(
    'is refused when a new verdict comes in between: what was approved is void',
    async () => {
      const before = await why(healthy);
      await sealLateRow(healthy, 338, { loss: 3.1, grad_norm: 2 });
      const after = await verdictThat(healthy, ({ seq }) => seq > before.seq);
      expect(after).toMatchObject({ overall: 'passed', superseded_by: null });
      const refused = await versionThat(MODEL, 1, ({ open_request }) => open_request === null);
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
      const now = await versionThat(MODEL, 1, ({ stage }) => stage === 'Production');
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
      const now = await versionOf(MODEL, 1);
      expect(now.refusals.map(({ to, unmet }) => `${to}: ${unmet[0]?.requirement}`)).toEqual(['x']);
      expect(now.stages.map(({ stage }) => stage)).toEqual(['None', 'Candidate', 'Staging', 'Production']);
      for (const { stage, since_seq } of now.stages) {
        expect((await versionOf(MODEL, 1, '--as-of', String(since_seq))).stage).toBe(stage);
      }
      const text = (await site.cli(['models', MODEL, '1'])).out;
      expect(text).toMatch(/\nRefusals\n/);
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
      expect((await versionThat(MODEL, 1, ({ tags }) => tags['owner'] !== 'nlp')).tags).toEqual({
        owner: 'platform team',
      });
      expect((await versionOf(MODEL, 1, '--as-of', String(seq))).tags).toEqual({ owner: 'nlp', risk_class: 'limited' });
      expect((await site.cli(['tag', MODEL, '1', 'owner'])).exitCode).toBe(2);
    },
    LIMIT_MS,
  );
});

test(
  'a late event that breaks a run supersedes its verdict, and contests the version in Production',
  async () => {
    const before = await why(healthy);
    await sealLateRow(healthy, 339, { loss: 'NaN', grad_norm: 1 });
    const after = await verdictThat(healthy, ({ overall }) => overall === 'blocked');
    expect(gatesOf(after)['G1']).toBe('fail');
    expect((await why(healthy, 1)).verdict_id).toBe(after.verdict_id);
    const then = await why(healthy, 0, '--as-of', String(after.seq - 1));
    expect(then).toMatchObject({ verdict_id: before.verdict_id, overall: 'passed' });
    await versionThat(MODEL, 1, ({ contested }) => contested);
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
      expect((await why(healthy, 1)).overall).toBe('blocked');
    },
    LIMIT_MS,
  );
});

describe('standalone killed', () => {
  const ROWS = 4_000;
  /** A run long enough to be killed in the middle of its import. */
  async function makeLongRun(): Promise<string> {
    const folder = await site.copy('healthy-lora', 'long');
    // They tell of the short run.
    for (const name of [
      'checkpoint-300',
      'checkpoint-339',
      'eval_results.json',
      'all_results.json',
      'train_results.json',
    ])
      await rm(join(folder, name), { recursive: true });
    const lines = Array.from({ length: ROWS }, (_, index) =>
      JSON.stringify({
        current_steps: index + 1,
        total_steps: ROWS,
        loss: 6 / (1 + index / 500),
        lr: 0.001,
        epoch: index / ROWS,
      }),
    );
    const end = { current_steps: ROWS, total_steps: ROWS, epoch: 1, percentage: 100, elapsed_time: '0:00:59' };
    await writeFile(join(folder, 'trainer_log.jsonl'), `${[...lines, JSON.stringify(end)].join('\n')}\n`);
    const history = Array.from({ length: ROWS }, (_, index) => ({
      ...{ step: index + 1, loss: 6 / (1 + index / 500), learning_rate: 0.001, epoch: index / ROWS },
    }));
    await site.edit(join(folder, 'trainer_state.json'), (text) =>
      JSON.stringify({ ...(JSON.parse(text) as object), global_step: ROWS, max_steps: ROWS, log_history: history }),
    );
    await site.edit(join(folder, 'facts.yaml'), (text) => text.replace(MODEL, 'long'));
    return folder;
  }

  test(
    'in the middle of an import and started again: nothing is lost or doubled, and there is one verdict',
    async () => {
      const run = '019bf9da-6cbb-7acb-a255-12100f80b570';
      const folder = await makeLongRun();
      const importing = site.spawn([
        ...[
          'import',
          'llamafactory',
          folder,
          '--run',
          run,
          '--facts',
          join(folder, 'facts.yaml'),
          '--name',
          'long',
          '--json',
        ],
      ]);
      const end = ended(importing);
      await waitFor('the middle of the import', async () => importing.exitCode !== null || (await newest(run)) > 500);
      await site.kill('SIGKILL');
      expect(importing.exitCode).toBeNull();
      await site.start();
      const { exitCode, out, err } = await end;
      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
      const imported = JSON.parse(out) as Imported;
      const records = (await site.records(`run/${run}`)).filter(({ type }) => type !== 'run.gates-evaluated');
      const artifacts = imported.events - records.length;
      expect(records.filter(({ type }) => type === 'run.metrics-logged').length).toBeGreaterThanOrEqual(ROWS);
      expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
      expect(artifacts).toBeGreaterThan(0);
      await verdictThat(run, () => true);
      // Killed once more, where a verdict could be made twice: it is judged and read already.
      await site.kill('SIGKILL');
      await site.start();
      const again = await site.json<Imported>([
        ...['import', 'llamafactory', folder, '--run', run, '--facts', join(folder, 'facts.yaml'), '--name', 'long'],
      ]);
      expect(again).toMatchObject({ sealed: 0, duplicates: imported.events });
      const verdicts = (await site.records(`run/${run}`)).filter(({ type }) => type === 'run.gates-evaluated');
      expect(verdicts).toHaveLength(1);
      const csv = await (await site.request(`/v1/runs/${run}/metrics?key=loss&format=csv`)).text();
      expect(csv.trim().split('\n')).toHaveLength(ROWS + 1);
      expect(await site.cli(['verify', '--json'])).toMatchObject({ exitCode: 0 });
    },
    LIMIT_MS,
  );

  /** How many records of the run are sealed so far, up to a page. */
  async function newest(run: string): Promise<number> {
    const answer = await site.request(`/v1/records?stream=run/${run}&limit=1000`);
    return ((await answer.json()) as { items: unknown[] }).items.length;
  }
});
