import { refuse } from './refuse.js';
import type { Row } from './row.js';
import { isEndRow, type LogRow, type TrainerLog } from './trainer-log.js';
import type { TrainerState } from './trainer-state.js';

/** One process's go at the run, as its rows show it. */
export interface Attempt {
  /** Step of the weights that it goes on from; null for the first, and where no checkpoint tells. */
  readonly resumesStep: number | null;
  readonly totalSteps: number | null;
  /** Its first row's step: what the history has from there on is this attempt's or a later one's. */
  readonly from: number;
  /** Of its last row, since its process began. */
  readonly elapsed_s: number | null;
  readonly rows: readonly Row[];
  /** Whether the log says that its training ended. */
  readonly hasEndRow: boolean;
}

export interface Sources {
  readonly log: TrainerLog | null;
  readonly state: TrainerState | null;
  /** Steps of the saved weights, those that are there and those that the configuration makes at regular steps. */
  readonly isSaved: (step: number) => boolean;
}

/**
 * The attempts of a run. A process that resumes shows in trainer_log.jsonl: steps fall back, or its time begins again.
 * Rows come from trainer_state.json, which has all their values; those that only the log has (of work that was lost, or
 * after the last state) come from there. Refuses a folder whose files or rows tell of two runs.
 */
export function findAttempts({ log, state, isSaved }: Sources): Attempt[] {
  const segments = splitLog(log?.rows ?? []);
  if (segments.length === 0) return state && state.rows.length > 0 ? [attemptOfState(state)] : [];
  const starts = segments.map((rows) => (rows[0] as LogRow).step);
  segments.forEach((rows, index) => refuseFreshStart(rows, segments[index - 1], starts[0] as number));
  const history = assignHistory(state?.rows ?? [], starts);
  return segments.map((rows, index) => ({
    resumesStep: index === 0 ? null : findResumedStep(segments, index, isSaved),
    totalSteps: rows[0]?.totalSteps ?? null,
    from: index === 0 ? -Infinity : (starts[index] as number),
    elapsed_s: rows.at(-1)?.elapsed_s ?? null,
    rows: mergeRows(history[index] ?? [], rows, state?.file ?? ''),
    hasEndRow: isEndRow(rows.at(-1) as LogRow),
  }));
}

/** Index of the attempt that made the weights of a step: the last one that had it within its rows. */
export function attemptOfStep(attempts: readonly Attempt[], step: number): number {
  const reached = (index: number) => {
    const { from, rows } = attempts[index] as Attempt;
    return from <= step && (rows.at(-1)?.step ?? Infinity) >= step;
  };
  for (let index = attempts.length - 1; index > 0; index--) if (reached(index)) return index;
  return attempts.length === 1 || reached(0) ? 0 : attempts.length - 1;
}

function attemptOfState({ maxSteps, rows }: TrainerState): Attempt {
  rows.forEach((row, index) => {
    const before = rows[index - 1]?.step ?? null;
    if (row.step !== null && before !== null && row.step < before) {
      refuse(
        `trainer_state.json goes back from step ${before} to ${row.step}: the rows of two runs, or a file changed by hand. ` +
          'Wanted the file as the trainer wrote it.',
      );
    }
  });
  return { resumesStep: null, totalSteps: maxSteps, from: -Infinity, elapsed_s: null, rows, hasEndRow: false };
}

function splitLog(rows: readonly LogRow[]): LogRow[][] {
  const segments: LogRow[][] = [];
  let last: LogRow | undefined;
  for (const row of rows) {
    if (last === undefined || beginsAgain(last, row)) segments.push([]);
    segments.at(-1)?.push(row);
    last = row;
  }
  return segments;
}

function beginsAgain(last: LogRow, row: LogRow): boolean {
  if (row.step < last.step) return true;
  if (row.elapsed_s !== null && last.elapsed_s !== null && row.elapsed_s < last.elapsed_s) return true;
  return isEndRow(last) && row.step > last.step;
}

function refuseFreshStart(rows: LogRow[], before: LogRow[] | undefined, firstStep: number): void {
  const [row] = rows;
  if (before === undefined || row === undefined || row.step > firstStep) return;
  refuse(
    `trainer_log.jsonl holds two runs: at line ${row.line} it begins again at step ${row.step}, and nothing was saved before ` +
      `that. Wanted one run a folder: put the lines before and from line ${row.line} on into folders of their own.`,
  );
}

/**
 * The step that an attempt goes on from: the newest saved weights before its first row. They are at most one logging interval
 * older, or the trainer would have logged a row earlier.
 */
function findResumedStep(segments: LogRow[][], index: number, isSaved: (step: number) => boolean): number | null {
  const first = segments[index]?.[0]?.step ?? 0;
  const steps = (segments[0] ?? []).filter(({ kind }) => kind === 'train').map(({ step }) => step);
  const interval = Math.max(1, ...steps.slice(1, 50).map((step, at) => step - (steps[at] as number)));
  for (let step = first - 1; step >= Math.max(1, first - interval); step--) {
    if (isSaved(step)) return step;
  }
  return null;
}

/** A history has each step once: up to where an attempt begins it is the earlier one's. */
function assignHistory(rows: readonly Row[], starts: readonly number[]): Row[][] {
  const assigned: Row[][] = starts.map(() => []);
  for (const row of rows) {
    const index = row.step === null ? starts.length - 1 : findStart(starts, row.step);
    assigned[index]?.push(row);
  }
  return assigned;
}

function findStart(starts: readonly number[], step: number): number {
  for (let index = starts.length - 1; index > 0; index--) if ((starts[index] as number) <= step) return index;
  return 0;
}

function mergeRows(history: readonly Row[], logged: readonly LogRow[], file: string): Row[] {
  const known = new Map(numbered(history));
  const alone: Row[] = [];
  for (const [key, row] of numbered(logged)) {
    const same = known.get(key);
    if (same) requireSame(same, row, file);
    else if (!isEndRow(row)) alone.push(row);
  }
  if (alone.length === 0) return [...history];
  // Both are in the order of their steps; a stable sort keeps the order within a step.
  const place = (row: Row) => row.step ?? Infinity;
  return [...history, ...alone].sort((left, right) => (place(left) === place(right) ? 0 : place(left) - place(right)));
}

/** Rows with their place among those of their kind and step, which makes the key. */
function* numbered<Of extends Row>(rows: readonly Of[]): Generator<[key: string, row: Of]> {
  const seen = new Set<string>();
  const again = new Map<string, number>();
  for (const row of rows) {
    const place = `${row.kind} ${row.step}`;
    if (seen.has(place)) {
      const n = (again.get(place) ?? 0) + 1;
      again.set(place, n);
      yield [`${place} ${n}`, row];
    } else {
      seen.add(place);
      yield [place, row];
    }
  }
}

/** The log's numbers are the state's, at most rounded to four places. */
function requireSame(inState: Row, inLog: LogRow, file: string): void {
  for (const metric of ['loss', 'eval_loss']) {
    const [left, right] = [inState.values[metric], inLog.values[metric]];
    if (left === undefined || right === undefined || left === right) continue;
    if (typeof left === 'number' && typeof right === 'number' && Math.abs(left - right) <= 1e-4) continue;
    refuse(
      `The folder holds two runs: at step ${inLog.step} ${file} has ${metric} ${left}, trainer_log.jsonl (line ${inLog.line}) has ` +
        `${right}. Wanted the files of one run: move what the other left behind away.`,
    );
  }
}
