import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface LoggedRow {
  readonly step: number;
  readonly loss?: number | 'NaN';
  readonly eval_loss?: number | 'NaN';
  readonly train_loss?: number;
}

const made: string[] = [];
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true }))));

/** A folder of a test's own, with files by name; an object is written as Python writes it, NaN bare. */
export async function makeFolder(files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runseal-run-'));
  made.push(folder);
  await addFiles(folder, files);
  return folder;
}

export async function addFiles(folder: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    const isRaw = typeof content === 'string' || content instanceof Uint8Array;
    await writeFile(join(folder, name), isRaw ? content : pythonJson(content));
  }
}

export function pythonJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(/"(-?Infinity|NaN)"/g, '$1');
}

/** Loss rows at steps, each a little better than the one before. */
export function losses(from: number, to: number, every = 1): LoggedRow[] {
  const rows: LoggedRow[] = [];
  for (let step = from; step <= to; step += every) rows.push({ step, loss: 6 / (1 + step / 10) });
  return rows;
}

/** trainer_log.jsonl of one process: its time begins at 0. */
export function logText(rows: readonly LoggedRow[], total: number, { ends = false } = {}): string {
  const lines = rows.map(({ step, loss, eval_loss }, index) => ({
    current_steps: step,
    total_steps: total,
    ...(loss === undefined ? {} : { loss, lr: 0.001 }),
    ...(eval_loss === undefined ? {} : { eval_loss }),
    epoch: (3 * step) / total,
    elapsed_time: `0:00:${String(Math.min(59, index)).padStart(2, '0')}`,
  }));
  const end = { current_steps: total, total_steps: total, epoch: 3, percentage: 100, elapsed_time: '0:00:59' };
  return [...lines, ...(ends ? [end] : [])]
    .map((line) => `${JSON.stringify(line).replaceAll(/"(-?Infinity|NaN)"/g, '$1')}\n`)
    .join('');
}

/** trainer_state.json with the values that a log lacks. */
export function stateOf(rows: readonly LoggedRow[], total: number, more: object = {}): object {
  return {
    best_global_step: null,
    best_metric: null,
    best_model_checkpoint: null,
    epoch: (3 * (rows.at(-1)?.step ?? 0)) / total,
    global_step: rows.at(-1)?.step ?? 0,
    log_history: rows.map(({ step, ...values }) => ({
      epoch: (3 * step) / total,
      ...values,
      ...(values.loss === undefined ? {} : { grad_norm: 1.5, learning_rate: 0.001 }),
      step,
    })),
    logging_steps: 1,
    max_steps: total,
    num_train_epochs: 3,
    save_steps: 5,
    ...more,
  };
}

/** A .safetensors file of one tensor with these numbers. */
export function weights(...numbers: number[]): Uint8Array {
  const data = Buffer.from(new Float32Array(numbers).buffer);
  const header = JSON.stringify({ w: { dtype: 'F32', shape: [numbers.length], data_offsets: [0, data.length] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), data]);
}
