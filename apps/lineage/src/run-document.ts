import type { ProjectedRecord } from '@runseal/projections';
import {
  addRows,
  attemptsBehind,
  evolveRun,
  finalEvaluation,
  lossBehind,
  modelNameOf,
  newRunFacts,
  newRunRows,
  type EvaluationRow,
  type LoggedRow,
  type MetricValue,
  type RunEvent,
  type RunFacts,
  type RunRows,
} from '@runseal/rules';
import { toDouble } from './metric-chunks.js';
import type { RowMarks } from './row-marks.js';
import type { RunRow } from './tables.js';

/** What is known of a run, folded from its events. Plain JSON. */
export interface RunDocument {
  readonly facts: RunFacts;
  readonly rows: RunRows;
  /** How far rows have come, so that nearly all are known to be new without a look at those that are there. */
  readonly marks: RowMarks;
  /** Rows whose key was there already: the first one stays. */
  readonly repeated: { readonly seq: number; readonly count: number } | null;
  /** Event ids of the run's evaluations by their seq; the newest ones. */
  readonly evaluations: readonly (readonly [seq: number, id: string])[];
}

const EVALUATIONS_MAX = 1_000;

export function newRunDocument(): RunDocument {
  return { facts: newRunFacts(), rows: newRunRows(), marks: {}, repeated: null, evaluations: [] };
}

/** One more record of the run's stream, or of an artifact in the course of the run. `rows` are those of it that are new. */
export function evolveDocument(
  document: RunDocument,
  record: ProjectedRecord,
  rows: { readonly kept: readonly LoggedRow[]; readonly marks: RowMarks } | null,
): RunDocument {
  const facts = evolveRun(document.facts, record as RunEvent);
  if (record.type === 'run.evaluated') {
    const evaluations = [...document.evaluations, [record.seq, record.id] as const].slice(-EVALUATIONS_MAX);
    return { ...document, facts, evaluations };
  }
  if (record.type !== 'run.metrics-logged' || record.payload === null || rows === null) return { ...document, facts };
  const { seq, payload } = record;
  const repeated = payload.rows.length - rows.kept.length;
  return {
    ...document,
    facts,
    rows: addRows(document.rows, { seq, attempt: payload.attempt, rows: rows.kept }),
    marks: rows.marks,
    repeated:
      repeated === 0
        ? document.repeated
        : { seq: document.repeated?.seq ?? seq, count: (document.repeated?.count ?? 0) + repeated },
  };
}

/** Faults in all, one for repeated rows included. */
export const countFaults = ({ facts, repeated }: RunDocument): number => facts.faults.length + (repeated ? 1 : 0);

/** The run's line in lists; null while only artifacts name it. */
export function runRowOf(run: string, document: RunDocument): RunRow | null {
  const { facts } = document;
  const { started, terminal, first_seq, principal } = facts;
  if (first_seq === null || principal === null) return null;
  const name = started?.name?.value ?? null;
  const experiment = started?.experiment.value ?? null;
  const model = modelNameOf(facts);
  const started_at = started?.at?.value ?? null;
  const ended_at = terminal?.at?.value ?? null;
  const started_ms = millisOf(started_at);
  const ended_ms = millisOf(ended_at);
  return {
    run,
    name,
    experiment,
    model,
    state: facts.state,
    started_at,
    started_ms,
    ended_at,
    ended_ms,
    duration_seconds: secondsBetween(started_ms, ended_ms),
    step: stepOf(facts),
    total_steps: facts.progress.total_steps?.value ?? null,
    final_loss: doubleOf(lossBehind(facts, document.rows, 'last')?.value),
    eval_loss: doubleOf(newestEvaluation(document)?.value),
    overall: facts.verdict?.overall ?? null,
    faults: countFaults(document),
    principal: principal.value,
    first_seq,
    newest_seq: facts.seq,
    search: [run, name, experiment, model]
      .filter((text) => text !== null)
      .join('\n')
      .toLowerCase(),
  };
}

/** The step that the run has come to: what its end says, else its newest row. */
export const stepOf = ({ terminal, progress }: RunFacts): number | null =>
  terminal?.completed_steps?.value ?? progress.newest?.step ?? null;

/** The evaluation of the final weights; while there are none, the newest on the way to them. */
export function newestEvaluation({ facts, rows }: RunDocument): EvaluationRow | null {
  const final = finalEvaluation(facts, rows);
  if (final) return final;
  const behind = attemptsBehind(facts);
  return rows.evaluations.findLast(({ attempt }) => behind.includes(attempt)) ?? null;
}

/** Milliseconds since 1970 of an RFC 3339 time; null for null. */
export function millisOf(time: string | null): number | null {
  if (time === null) return null;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? null : ms;
}

export const secondsBetween = (from_ms: number | null, to_ms: number | null): number | null =>
  from_ms === null || to_ms === null ? null : (to_ms - from_ms) / 1_000;

const doubleOf = (value: MetricValue | undefined): number | null => (value === undefined ? null : toDouble(value));
