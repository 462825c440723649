// Rows, checkpoints, evaluations. Rows are nearly all that comes: they cost a look at each key and no more.
import { addFault, append, type Draft, type Told } from './draft.js';
import { isExpected } from './producers.js';
import type { AttemptFacts, RowMark } from './run-facts.js';
import { factsLimits } from './run-facts.js';

export function foldMetrics(draft: Draft, event: Told<'run.metrics-logged'>): void {
  const { attempt, rows } = event.payload;
  const index = indexOfAttempt(draft, event, attempt);
  flagAfterEnd(draft, event);
  const known = draft.attempts[index];
  const marked = readSteps(draft, event, known?.newest ?? null);
  if (known) {
    const after: AttemptFacts = { ...known, rows: known.rows + rows.length, newest: marked ?? known.newest };
    draft.attempts = draft.attempts.with(index, after);
  }
  draft.progress = {
    ...draft.progress,
    rows: draft.progress.rows + rows.length,
    newest: marked ?? draft.progress.newest,
  };
  seeKeys(draft, event);
}

export function foldCheckpoint(draft: Draft, event: Told<'run.checkpoint-saved'>): void {
  indexOfAttempt(draft, event, event.payload.attempt);
  flagAfterEnd(draft, event);
  const { asserted: _, ...saved } = event.payload;
  const { seq, occurred_at: at } = event;
  draft.checkpoints = append(draft, event, 'checkpoints', [draft.checkpoints, { seq, at, ...saved }]);
}

/** People judge a model long after its training: an evaluation is never too late. */
export function foldEvaluated(draft: Draft, event: Told<'run.evaluated'>): void {
  const { seq, occurred_at: at } = event;
  draft.evaluated = append(draft, event, 'evaluated', [draft.evaluated, { seq, at, ...event.payload }]);
}

type InAttempt = Told<'run.metrics-logged'> | Told<'run.checkpoint-saved'>;

function indexOfAttempt(draft: Draft, event: InAttempt, attempt: string): number {
  const { attempts } = draft;
  let index = attempts.length - 1;
  while (index >= 0 && attempts[index]?.id !== attempt) index -= 1;
  if (index === -1) {
    const words = 'rows or checkpoints name an attempt that has not begun';
    addFault(draft, event, { kind: 'attempt_unknown', subject: attempt, words });
  }
  return index;
}

/** What was counted before the end and comes later is late, no more; a lost run may turn out to be alive. */
function flagAfterEnd(draft: Draft, event: InAttempt): void {
  const { terminal } = draft;
  if (!terminal || terminal.type === 'run.lost' || isExpected(draft, event.producer)) return;
  const words = `rows or checkpoints came after the ${terminal.type} at ${terminal.seq}`;
  addFault(draft, event, { kind: 'after_end', subject: event.payload.attempt, words });
}

function readSteps(draft: Draft, event: Told<'run.metrics-logged'>, before: RowMark | null): RowMark | null {
  const { attempt, rows } = event.payload;
  let newest: RowMark | null = null;
  let last = before?.step ?? -Infinity;
  let [negative, fractional, falling] = [0, 0, 0];
  for (const row of rows) {
    const { step, kind } = row;
    if (step === null || kind === 'summary') continue;
    if (step < 0) negative += 1;
    if (!Number.isInteger(step)) fractional += 1;
    if (step < last) falling += 1;
    last = step;
    newest = { step, epoch: row.epoch, at: row.at, seq: event.seq };
  }
  const flag = (kind: 'step_negative' | 'step_fractional' | 'step_falling', count: number, words: string) => {
    if (count > 0) addFault(draft, event, { kind, subject: attempt, words, count });
  };
  flag('step_negative', negative, 'steps below 0');
  flag('step_fractional', fractional, 'steps that are no whole numbers');
  if (falling > 0 && !isCompleted(draft, attempt)) {
    flag('step_falling', falling, 'steps that fall within the attempt');
  }
  return newest;
}

/** Whether it was said before that what now comes adds to rows that were recorded live. */
const isCompleted = (draft: Draft, attempt: string): boolean =>
  draft.annotations.some(({ name, attempt: of }) => name === 'rows_completed' && of === attempt);

function seeKeys(draft: Draft, event: Told<'run.metrics-logged'>): void {
  let keys: Record<string, true> | null = null;
  let seen: Readonly<Record<string, true>> = draft.metric_keys;
  let count = -1;
  let [beyond, first] = [0, ''];
  for (const { values } of event.payload.rows) {
    for (const key in values) {
      if (Object.hasOwn(seen, key)) continue;
      if (count === -1) count = Object.keys(seen).length;
      if (count >= factsLimits.metricKeys) {
        if (beyond === 0) first = key;
        beyond += 1;
        continue;
      }
      keys ??= { ...draft.metric_keys };
      keys[key] = true;
      seen = keys;
      count += 1;
    }
  }
  if (keys) draft.metric_keys = keys;
  if (beyond > 0) {
    const words = `more than ${factsLimits.metricKeys.toLocaleString('en')} metric names; the first beyond is ${first}`;
    addFault(draft, event, { kind: 'too_many_metrics', words, count: beyond });
  }
}
