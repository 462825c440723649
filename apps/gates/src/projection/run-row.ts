import type { ProjectedRecord, RowOf } from '@runseal/projections';
import { modelNameOf, type RunFacts } from '@runseal/rules';
import type { runs } from './tables.js';

/** What is asked of many runs. */
export type RunRow = {
  -readonly [Name in keyof RowOf<typeof runs>]: RowOf<typeof runs>[Name];
} & { readonly run: string };

/** What gates say of a run, and that people can live with it, changes nothing that it is judged by. */
const NO_INPUT: ReadonlySet<string> = new Set(['run.gates-evaluated', 'run.warnings-accepted']);

/** Whether a record of a run, of whatever type else, can change a verdict: each may bring a fact, or a counted event that lacked. */
export const isInputType = (type: string): boolean => !NO_INPUT.has(type);

const SEEN_BESIDE: ReadonlySet<string> = new Set(['run.resources-sampled', 'run.log-captured', 'run.annotated']);

/** Whether a record brings no fact that a run is judged by: it changes a verdict only where it is a counted event that lacked. */
export const isSeenBeside = (type: string): boolean => SEEN_BESIDE.has(type);

export const newRunRow = (run: string, { seq, hash, sealed_at, actor }: ProjectedRecord): RunRow => ({
  run,
  model: null,
  state: 'running',
  principal: actor,
  attempt: null,
  attempt_hash: null,
  newest_seq: -1,
  input_seq: seq,
  input_hash: hash,
  input_at: sealed_at,
  trigger_seq: null,
});

/** The row after one more record; `facts` are those after it. */
export function runRowAfter(
  row: RunRow,
  facts: RunFacts,
  { record, isInput }: { readonly record: ProjectedRecord; readonly isInput: boolean },
): RunRow {
  const { seq, hash, sealed_at, type, id, stream } = record;
  const newest = facts.attempts.at(-1)?.id ?? null;
  const isNewAttempt = type === 'run.attempt-started' && newest === id;
  return {
    ...row,
    model: modelNameOf(facts),
    state: facts.state,
    // An artifact.registered may name a run whose own stream has not begun; its sender does not own it.
    principal: facts.principal?.value ?? row.principal,
    attempt: newest,
    attempt_hash: isNewAttempt ? hash : row.attempt_hash,
    newest_seq: stream.startsWith('run/') ? seq : row.newest_seq,
    ...(isInput ? { input_seq: seq, input_hash: hash, input_at: sealed_at } : {}),
  };
}
