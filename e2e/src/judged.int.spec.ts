import { appendFile, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompareAnswer, GraphAnswer, Page, RunAnswer, RunItem } from '@runseal/lineage';
import { waitFor } from '@runseal/testing';
import { demoFolder, gatesOf, JudgedSite, LIMIT_MS, MODEL } from './judged-site.fixture.js';

// Two runs imported, judged and read, by the commands that a person types, against everything in one process as built. The
// tests go on from one another.

let site: JudgedSite;
let healthy: string;
let overfit: string;

beforeAll(async () => {
  site = await JudgedSite.open();
}, LIMIT_MS);

afterAll(() => site?.close());

test(
  'the first run is judged without a baseline, becomes it, and a candidate; the second is blocked by it',
  async () => {
    const first = await site.importFolder(demoFolder('healthy-lora'));
    healthy = first.run_id;
    expect(first).toMatchObject({ state: 'finished', overall: 'warnings', duplicates: 0, sealed: first.events });
    expect(gatesOf(await site.why(healthy))).toEqual({
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
    const judged = await site.why('healthy-lora', 0, '--evaluate');
    expect(judged).toMatchObject({ run_id: healthy, overall: 'passed', is_new: true });
    expect(gatesOf(judged)['G4']).toBe('pass');
    await site.versionThat(MODEL, 1, ({ stage }) => stage === 'Candidate');
    const second = await site.importFolder(demoFolder('overfit-full'));
    overfit = second.run_id;
    expect(second.overall).toBe('blocked');
    expect(gatesOf(await site.why(overfit, 1))).toMatchObject({
      G1: 'pass',
      G2: 'pass',
      G3: 'fail',
      G4: 'fail',
      G6: 'pass',
    });
    expect(await site.importFolder(demoFolder('healthy-lora'))).toMatchObject({
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
      // Lineage reads the verdict for itself, perhaps later than the gates answer with it.
      const { items } = await waitFor('both verdicts in the list', async () => {
        const page = await site.json<Page<RunItem>>(['runs', '--experiment', 'demo', '--sort', 'name']);
        return page.items.map(({ overall }) => overall).join() === 'passed,blocked' && page;
      });
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
