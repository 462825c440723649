import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImportResult } from '../commands/import.js';
import { TestLedger } from '../test-ledger.fixture.js';
import { addFiles, losses, logText, makeFolder, stateOf, weights } from './run-folder.fixture.js';

let ledger: TestLedger;

beforeAll(async () => {
  ledger = await TestLedger.start();
});

afterAll(() => ledger.close());

async function importFolder(folder: string, ...more: string[]): Promise<ImportResult> {
  const { exitCode, out, err } = await ledger.cli(['import', 'llamafactory', folder, ...more, '--json']);
  if (exitCode !== 0) throw new Error(`${exitCode} ${out}${err}`);
  return JSON.parse(out) as ImportResult;
}

interface Sealed {
  type: string;
  stream: string;
  id: string;
  producer: unknown;
  occurred_at: string | null;
  payload: Record<string, unknown>;
}

/** What is sealed of a run, in order. */
async function recordsOf(run: string): Promise<Sealed[]> {
  const answer = await ledger.request(`/v1/records?stream=run/${run}&limit=1000`);
  const { items } = (await answer.json()) as { items: { envelope: string; payload: string }[] };
  return items.map(({ envelope, payload }) => ({
    ...(JSON.parse(envelope) as Omit<Sealed, 'payload'>),
    payload: JSON.parse(payload) as Record<string, unknown>,
  }));
}

const rowsOf = (records: readonly Sealed[]) =>
  records.flatMap(({ type, payload }) =>
    type === 'run.metrics-logged'
      ? (payload['rows'] as { step: number; n: number; values: Record<string, unknown> }[]).map((row) => ({
          ...row,
          attempt: payload['attempt'],
        }))
      : [],
  );

const rows = losses(1, 10);
/** A finished run's folder; another total makes another first row, and with it another run. */
const finishedRun = (total = 10) => ({
  'trainer_log.jsonl': logText(rows, total, { ends: true }),
  'trainer_state.json': stateOf([...rows, { step: 10, train_loss: 4.2 }], total),
  'adapter_model.safetensors': weights(1, 2),
  'adapter_config.json': { base_model_name_or_path: 'org/base', peft_version: '0.18.1', r: 8 },
  'training_args.bin': 'pickled',
  'checkpoint-10/adapter_model.safetensors': weights(1, 2),
  'train.yaml': 'model_name_or_path: org/base\noutput_dir: out\nstage: sft\nseed: 7\n',
});

test('a finished run is sealed from its start to its end, the end last and no time invented', async () => {
  const folder = await makeFolder(finishedRun());
  const result = await importFolder(folder, '--experiment', 'first');
  expect(result).toMatchObject({ state: 'finished', overall: null, duplicates: 0, sealed: result.events });
  expect(result.missing).toContain('dataset: digest (--dataset, or dataset.digest in --facts)');
  const records = await recordsOf(result.run_id);
  const kinds = records.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1]);
  expect(kinds).toEqual([
    'run.started',
    'run.attempt-started',
    'run.parameters-recorded',
    'run.input-recorded',
    'run.environment-recorded',
    'run.metrics-logged',
    'run.checkpoint-saved',
    'run.output-recorded',
    'run.finished',
  ]);
  expect(records.every(({ producer, occurred_at }) => producer === null && occurred_at === null)).toBe(true);
  expect(records.every(({ id }) => id.startsWith('01') && id[14] === '8')).toBe(true);
  expect(rowsOf(records)).toHaveLength(11);
  expect(records.at(-1)?.payload).toMatchObject({
    completed_steps: 10,
    final_weights: { attempt: records[1]?.id, step: 10 },
    producers: [],
  });
  const digests = records.flatMap(({ payload }) => (typeof payload['digest'] === 'string' ? [payload['digest']] : []));
  expect(digests.length).toBeGreaterThan(5);
  for (const digest of digests) {
    const seen = (await (await ledger.request(`/v1/records?stream=artifact/${digest}`)).json()) as { items: unknown[] };
    expect({ digest, seen: seen.items.length }).toEqual({ digest, seen: 1 });
  }
});

test('the same folder again seals nothing, wherever it lies', async () => {
  const folder = await makeFolder(finishedRun(11));
  const first = await importFolder(folder, '--name', 'a');
  const again = await importFolder(folder);
  expect(again).toMatchObject({ run_id: first.run_id, sealed: 0, events: first.events, duplicates: first.events });
  expect(again.notes).toContainEqual(expect.stringMatching(/^[1-9]\d* events were sealed by an earlier import$/));
  const copied = await makeFolder({});
  for (const name of Object.keys(finishedRun())) {
    await addFiles(copied, { [name]: '' });
    await copyFile(join(folder, name), join(copied, name));
  }
  expect(await importFolder(copied)).toMatchObject({ run_id: first.run_id, sealed: 0 });
});

test('a folder that grew seals its new rows only, rows of a fuller file included, and ends again', async () => {
  const all = losses(101, 110);
  const folder = await makeFolder({ 'trainer_log.jsonl': logText(all.slice(0, 6), 110) });
  const first = await importFolder(folder, '--experiment', 'growing');
  expect(first.state).toBe('failed');
  expect((await recordsOf(first.run_id)).at(-1)).toMatchObject({
    type: 'run.failed',
    payload: { error: null, exit_code: null },
  });
  await addFiles(folder, {
    'trainer_log.jsonl': logText(all, 110, { ends: true }),
    'trainer_state.json': stateOf([...all, { step: 110, train_loss: 1 }], 110),
  });
  const second = await importFolder(folder);
  // Nobody resumed it: what was taken for broken off was still at work, and what is sealed is not unsaid.
  expect(second).toMatchObject({ run_id: first.run_id, state: 'failed' });
  expect(second.notes).toContainEqual(expect.stringContaining('stays failed: it was imported before its end'));
  expect(second.notes).toContainEqual(expect.stringContaining('6 rows were sealed from another'));
  const records = await recordsOf(first.run_id);
  const steps = rowsOf(records).map(({ step, n }) => `${step} ${n}`);
  expect(steps).toEqual([...all.map(({ step }) => `${step} 0`), '110 0']);
  expect(records.filter(({ type }) => type === 'run.attempt-started')).toHaveLength(1);
  expect(records.at(-1)?.type).toBe('run.finished');
  expect(await importFolder(folder)).toMatchObject({ sealed: 0 });
});

test('a run that was killed and resumed has two attempts, with the lost rows in the first', async () => {
  const [before, after] = [losses(201, 207), losses(206, 210)];
  const history = [...losses(201, 205), ...after, { step: 210, train_loss: 1 }];
  const folder = await makeFolder({
    'trainer_log.jsonl': logText(before, 210) + logText(after, 210, { ends: true }),
    'trainer_state.json': stateOf(history, 210),
    'checkpoint-205/trainer_state.json': stateOf(losses(201, 205), 210),
  });
  const records = await recordsOf((await importFolder(folder)).run_id);
  const attempts = records.filter(({ type }) => type === 'run.attempt-started');
  expect(attempts.map(({ payload }) => payload['resumes'])).toEqual([null, { attempt: attempts[0]?.id, step: 205 }]);
  const [one, two] = attempts.map(({ id }) => rowsOf(records).filter(({ attempt }) => attempt === id));
  expect(one?.map(({ step }) => step)).toEqual([201, 202, 203, 204, 205, 206, 207]);
  expect(one?.map(({ values }) => 'grad_norm' in values)).toEqual([true, true, true, true, true, false, false]);
  expect(two?.map(({ step }) => step)).toEqual([206, 207, 208, 209, 210, 210]);
  expect(records.find(({ type }) => type === 'run.checkpoint-saved')?.payload['attempt']).toBe(attempts[0]?.id);
  // Rotated away, the checkpoint no longer tells where the second attempt went on: what is sealed does.
  await rm(join(folder, 'checkpoint-205'), { recursive: true });
  expect(await importFolder(folder)).toMatchObject({ sealed: 0 });
});

test('a run that broke off, was imported, and was resumed to its end is finished by its second attempt', async () => {
  const [before, after] = [losses(501, 506), losses(506, 510)];
  const folder = await makeFolder({ 'trainer_log.jsonl': logText(before, 510) });
  const first = await importFolder(folder);
  expect(first).toMatchObject({ state: 'failed' });
  await addFiles(folder, { 'trainer_log.jsonl': logText(before, 510) + logText(after, 510, { ends: true }) });
  const second = await importFolder(folder);
  expect(second).toMatchObject({ run_id: first.run_id, state: 'finished' });
  const records = (await recordsOf(first.run_id)).slice(first.events);
  expect(records.map(({ type }) => type)).toEqual([
    'run.attempt-started',
    ...after.map(() => 'run.metrics-logged'),
    'run.output-recorded',
    'run.finished',
  ]);
  expect(records.at(-1)?.payload['attempt']).toBe(records[0]?.id);
});

test('a row that changed since it was sealed is refused with both values, and nothing is sealed', async () => {
  const folder = await makeFolder({ 'trainer_log.jsonl': logText(losses(301, 310), 310, { ends: true }) });
  const { run_id } = await importFolder(folder);
  const path = join(folder, 'trainer_log.jsonl');
  const text = await readFile(path, 'utf8');
  const changed = losses(301, 310).map((row) => (row.step === 305 ? { ...row, loss: 0.25 } : row));
  await addFiles(folder, { 'trainer_log.jsonl': logText(changed, 310, { ends: true }) });
  const before = await recordsOf(run_id);
  const { exitCode, err } = await ledger.cli(['import', 'llamafactory', folder]);
  expect({ exitCode, err }).toEqual({
    exitCode: 1,
    err: expect.stringMatching(/step 305.*sealed with loss 0\.19.*now says 0\.25/) as string,
  });
  expect(await recordsOf(run_id)).toEqual(before);
  expect(text).not.toBe(await readFile(path, 'utf8'));
});

test('options against the sealed start are refused, and --run makes it another run', async () => {
  const folder = await makeFolder({ 'trainer_log.jsonl': logText(losses(401, 405), 405, { ends: true }) });
  const first = await importFolder(folder, '--experiment', 'one');
  const { exitCode, err } = await ledger.cli(['import', 'llamafactory', folder, '--experiment', 'two']);
  expect({ exitCode, err }).toEqual({
    exitCode: 1,
    err: expect.stringContaining('sealed with experiment "one"') as string,
  });
  const other = '019bf9da-6cbb-7acb-a255-12100f80b56f';
  const second = await importFolder(folder, '--experiment', 'two', '--run', other);
  expect(second).toMatchObject({ run_id: other, sealed: first.sealed });
});

test('a key that may not read or is not known is told what it needs', async () => {
  const folder = await makeFolder({ 'trainer_log.jsonl': logText(losses(1, 5), 5) });
  const answer = await ledger.cli(['--key', 'rsk_aaaaaaaaaaaaaaaa_wrong', 'import', 'llamafactory', folder]);
  expect(answer).toMatchObject({ exitCode: 2, err: expect.stringContaining('--key') as string });
  const create = ['keys', 'create', '--principal', 'w', '--kind', 'service', '--scopes', 'events:write', '--json'];
  const { secret } = JSON.parse((await ledger.cli(create)).out) as { secret: string };
  const blind = await ledger.cli(['--key', secret, 'import', 'llamafactory', folder]);
  expect(blind).toMatchObject({ exitCode: 1, err: expect.stringMatching(/This needs a key .*read/) as string });
});

test('people read what was found and what is missing', async () => {
  const folder = await makeFolder({ ...finishedRun(12), 'all_results.json': { epoch: 2, train_loss: 9 } });
  const { out } = await ledger.cli(['import', 'llamafactory', folder, '--name', 'read']);
  expect(out).toMatch(/Found in .*\n {2}a run of LLaMA-Factory, finished at step 10 of 12\n {2}10 loss rows/);
  expect(out).toMatch(/To be known:\n {2}all_results\.json does not fit the rows and is not used: it is of epoch 2/);
  expect(out).toMatch(/Missing, and never taken for a pass:\n {2}evaluation rows/);
  expect(out).toMatch(
    /Sealed \d+ events of run [0-9a-f-]{36}; \d+ were there already\.\nVerdict: none yet\. Later: runseal why [0-9a-f-]{36}\n$/,
  );
});
