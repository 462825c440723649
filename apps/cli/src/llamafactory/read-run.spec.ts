import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { findFinalStep, readRun, type RunOptions } from './read-run.js';
import { addFiles, losses, logText, makeFolder, pythonJson, stateOf, weights } from './run-folder.fixture.js';

const rows = losses(1, 10);
const log = logText(rows, 10, { ends: true });

async function read(files: Readonly<Record<string, unknown>>, options: Partial<RunOptions> = {}) {
  return readRun({ folder: await makeFolder(files), ...options });
}

describe('a folder is refused, with what was found, wanted and to do, where it', () => {
  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ['is empty', {}, /is empty\. Wanted the run's output folder/],
    ['holds no row', { 'trainer_log.jsonl': '' }, /holds no row of a training/],
    [
      'is another trainer’s',
      { 'last.ckpt': '', 'hparams.yaml': '' },
      /a folder of PyTorch Lightning, which cannot be imported/,
    ],
    [
      'is a bare model',
      { 'config.json': {}, 'model.safetensors': weights(1) },
      /holds a model, but nothing of how it was trained/,
    ],
    ['is something else', { 'notes.txt': '' }, /nothing that a trainer writes/],
    [
      'holds several runs’ folders',
      { 'a/trainer_log.jsonl': log, 'b/trainer_log.jsonl': log },
      /folders of 2 runs \(a, b\)/,
    ],
    [
      'is a checkpoint',
      { 'trainer_state.json': stateOf(rows, 10), 'scheduler.pt': '' },
      /is one checkpoint of a run.*the one above/,
    ],
    [
      'has a half-written state',
      { 'trainer_log.jsonl': log, 'trainer_state.json': pythonJson(stateOf(rows, 10)).slice(0, -30) },
      /trainer_state\.json breaks off/,
    ],
    [
      'has half-copied weights',
      { 'trainer_log.jsonl': log, 'model.safetensors': weights(1, 2, 3).slice(0, -4) },
      /has \d+ bytes, its header wants \d+/,
    ],
    [
      'has weights cut in their header',
      { 'trainer_log.jsonl': log, 'model.safetensors': weights(1).slice(0, 20) },
      /half copied/,
    ],
    [
      'has half-written results',
      { 'trainer_log.jsonl': log, 'all_results.json': '{"epoch": 3.0,' },
      /all_results\.json breaks off/,
    ],
    [
      'has two configurations',
      { 'trainer_log.jsonl': log, 'a.yaml': 'stage: sft\noutput_dir: a', 'b.yaml': 'stage: sft\noutput_dir: b' },
      /several configurations \(a\.yaml, b\.yaml\)\. Say which by --config/,
    ],
    [
      'has a checkpoint of another run',
      {
        'trainer_log.jsonl': log,
        'checkpoint-5/trainer_state.json': stateOf(
          losses(2, 6).map((row) => ({ ...row, loss: 1 })),
          10,
        ),
      },
      /two runs: at step \d+ checkpoint-5\/trainer_state\.json has loss 1/,
    ],
    [
      'has a checkpoint beyond its end',
      { 'trainer_log.jsonl': log, 'checkpoint-50/a': '' },
      /checkpoint-50 lies beyond the 10 steps/,
    ],
  ])('%s', async (_, files, message) => {
    await expect(read(files)).rejects.toThrow(message);
  });

  it('is not there, or is a file', async () => {
    await expect(readRun({ folder: '/nowhere/at/all' })).rejects.toMatchObject({ exitCode: 2 });
    const folder = await makeFolder({ a: '' });
    await expect(readRun({ folder: join(folder, 'a') })).rejects.toThrow(/is a file\. Wanted the run's output folder/);
  });

  it('has a link that leads out or nowhere; one that stays inside is read', async () => {
    const outside = await makeFolder({ 'trainer_log.jsonl': log });
    const folder = await makeFolder({ 'real.jsonl': log });
    await symlink('real.jsonl', join(folder, 'trainer_log.jsonl'));
    expect((await readRun({ folder })).isFinished).toBe(true);
    await symlink(join(outside, 'trainer_log.jsonl'), join(folder, 'README.md'));
    await expect(readRun({ folder })).rejects.toThrow(
      /README\.md is a link that leads out of the folder, to .*copy them in/,
    );
    const other = await makeFolder({ 'trainer_log.jsonl': log });
    await symlink('gone', join(other, 'README.md'));
    await expect(readRun({ folder: other })).rejects.toThrow(/leads nowhere/);
    const third = await makeFolder({ 'trainer_log.jsonl': log });
    await mkdir(join(third, 'checkpoint-5'));
    await symlink(join(outside, 'trainer_log.jsonl'), join(third, 'checkpoint-5', 'model.safetensors'));
    await expect(readRun({ folder: third })).rejects.toThrow(/leads out of the folder/);
  });
});

describe('readRun', () => {
  it('takes a log without an end for broken off, and results beside it for stale', async () => {
    const run = await read({
      'trainer_log.jsonl': logText(losses(1, 4), 10),
      'all_results.json': { epoch: 1.2, eval_loss: 1 },
    });
    expect(run).toMatchObject({ isFinished: false, finalStep: null, lastStep: 4, outputs: [] });
    expect(run.results).toMatchObject({ summary: null, closing: null });
    expect(run.notes).toEqual([
      'all_results.json does not fit the rows and is not used: the rows break off before an end',
    ]);
  });

  it('takes one that ended early by its summary for finished', async () => {
    const state = stateOf([...losses(1, 4), { step: 4, train_loss: 1 }], 10);
    expect(await read({ 'trainer_state.json': state })).toMatchObject({
      isFinished: true,
      lastStep: 4,
      trainer: 'transformers',
    });
  });

  it('reads the newest checkpoint’s history where the run broke off, and the log after it', async () => {
    const run = await read({
      'trainer_log.jsonl': logText(losses(1, 8), 10),
      'checkpoint-3/trainer_state.json': stateOf(losses(1, 3), 10),
      'checkpoint-6/trainer_state.json': stateOf(losses(1, 6), 10),
    });
    const norms = run.attempts[0]?.rows.map(({ values }) => 'grad_norm' in values);
    expect(norms).toEqual([true, true, true, true, true, true, false, false]);
    expect(run.checkpoints.map(({ step }) => step)).toEqual([3, 6]);
  });

  it('knows the final weights by their bytes, whatever the settings say', async () => {
    const best = { best_global_step: 5, best_model_checkpoint: 'out/checkpoint-5' };
    const files = {
      'trainer_state.json': stateOf([...rows, { step: 10, train_loss: 1 }], 10, best),
      'checkpoint-5/model.safetensors': weights(1),
      'checkpoint-10/model.safetensors': weights(2),
    };
    expect((await read({ ...files, 'model.safetensors': weights(1) })).finalStep).toBe(5);
    expect((await read({ ...files, 'model.safetensors': weights(2) })).finalStep).toBe(10);
  });

  it('names a last line that breaks off, files that it does not read, and credentials that it leaves out', async () => {
    const { notes } = await read({
      'trainer_log.jsonl': logText(losses(1, 5), 10).slice(0, -9),
      'data.bin': '',
      'runs/x': '',
      'train.yaml': 'stage: sft\noutput_dir: a\nhub_token: secret',
    });
    expect(notes).toEqual([
      'trainer_log.jsonl breaks off in line 5: that line is left out',
      'left out of the parameters, since they are named like credentials: hub_token',
      'not read: runs, data.bin',
    ]);
  });

  it('refuses a facts file with an unknown name, and an option that names no file', async () => {
    const folder = await makeFolder({ 'trainer_log.jsonl': log });
    await addFiles(folder, { 'facts.yaml': 'nothing: 1' });
    await expect(readRun({ folder, facts: join(folder, 'facts.yaml') })).rejects.toThrow(
      /facts\.yaml, line 1, column 1/,
    );
    await expect(readRun({ folder, config: join(folder, 'no.yaml') })).rejects.toThrow(
      /--config .* cannot be read \(ENOENT\)/,
    );
  });
});

test.each([
  [{ same: [300], loadsBest: null, best: 300, lastStep: 342 }, 300, 0],
  [{ same: [300, 342], loadsBest: null, best: 300, lastStep: 342 }, 300, 0],
  [{ same: [300, 342], loadsBest: false, best: 300, lastStep: 342 }, 342, 0],
  [{ same: [], loadsBest: true, best: 300, lastStep: 342 }, 300, 0],
  [{ same: [], loadsBest: false, best: 300, lastStep: 342 }, 342, 0],
  [{ same: [], loadsBest: true, best: null, lastStep: 342 }, 342, 0],
  [{ same: [], loadsBest: null, best: 300, lastStep: 342 }, 342, 1],
])('the final weights of %j are of step %i, with %i notes', (input, step, noted) => {
  const notes: string[] = [];
  expect(findFinalStep(input, notes)).toBe(step);
  expect(notes).toHaveLength(noted);
});
