import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attempt } from './attempts.js';
import { refuse } from './refuse.js';
import type { Row } from './row.js';
import { readText, type RunFolder } from './run-folder.js';
import { parseTrainerState } from './trainer-state.js';

/** What is read of the checkpoints' own histories, newest first: each holds all rows before it again. */
const READ_MAX_BYTES = 64 << 20;

/**
 * Refuses a folder with a checkpoint of another run: one beyond the last row of a history that goes on to its end, or one
 * whose own history has other losses at the same steps. `ownState` is the file that the rows were read from.
 */
export async function requireOneRun(
  folder: RunFolder,
  attempts: readonly Attempt[],
  ownState: string | null,
): Promise<void> {
  if (folder.checkpoints.length === 0) return;
  const rows = Map.groupBy(
    attempts.flatMap((attempt) => attempt.rows),
    keyOf,
  );
  let read = 0;
  for (const { name, step } of [...folder.checkpoints].reverse()) {
    const planned = attempts.at(-1)?.totalSteps ?? null;
    if (planned !== null && step > planned && attempts.every(({ totalSteps }) => (totalSteps ?? 0) < step)) {
      refuse(
        `The folder holds two runs: ${name} lies beyond the ${planned} steps of the rows. Wanted the files of one run: move ` +
          'what the other left behind away.',
      );
    }
    const file = `${name}/trainer_state.json`;
    if (file === ownState) continue;
    read += await sizeOf(join(folder.path, file));
    const text = read > READ_MAX_BYTES ? null : await readText(folder, file);
    if (text !== null) for (const row of parseTrainerState(text, file).rows) requireKnown(row, rows, file);
  }
}

function requireKnown(row: Row, rows: ReadonlyMap<string, Row[]>, file: string): void {
  const known = rows.get(keyOf(row));
  if (!known) return;
  for (const metric of ['loss', 'eval_loss']) {
    const found = row.values[metric];
    const others = known.flatMap(({ values }) => (values[metric] === undefined ? [] : [values[metric]]));
    if (found === undefined || others.length === 0 || others.some((other) => isSame(other, found))) continue;
    refuse(
      `The folder holds two runs: at step ${row.step} ${file} has ${metric} ${found}, the rows of the folder have ` +
        `${others.join(', ')}. Wanted the files of one run: move what the other left behind away.`,
    );
  }
}

const keyOf = (row: Row) => `${row.kind} ${row.step}`;

function isSame(left: number | string, right: number | string): boolean {
  return left === right || (typeof left === 'number' && typeof right === 'number' && Math.abs(left - right) <= 1e-4);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
