import type { EventPayload } from '@runseal/contracts';
import type { Connection } from '@runseal/postgres';
import type { RunFacts } from '@runseal/rules';
import { medianOf } from '../engine/curve.js';
import type { EvaluationSet, Reference, ReferenceValue } from '../engine/input.js';
import { referenceKey, type Gate, type ReferenceName } from '../engine/policy/policy.js';
import { RunView } from '../engine/run-view.js';
import { judgeInputOf } from './judge-input.js';
import { readRows } from './metric-columns.js';
import type { InputRecord } from './run-to-judge.js';

/** References by their key, and the newest record that one of them rests on. */
export interface FoundReferences {
  readonly references: Readonly<Record<string, Reference | null>>;
  readonly newest: InputRecord | null;
}

/** What is referred to now, and the newest record that could have made it something else. */
interface Found {
  readonly reference: Reference | null;
  readonly record: InputRecord | null;
}

export interface Comparing {
  readonly model: string | null;
  /** The run that is judged: it is no reference for itself. */
  readonly run: string;
  readonly gates: readonly Gate[];
}

/** Finds everything that a policy compares with, as the tables have it. */
export async function findReferences(connection: Connection, comparing: Comparing): Promise<FoundReferences> {
  const references: Record<string, Reference | null> = {};
  let newest: InputRecord | null = null;
  for (const [name, metrics] of wantedOf(comparing.gates)) {
    const found =
      comparing.model === null ? null : await find(connection, comparing.model, { name, metrics, ...comparing });
    references[referenceKey(name)] = found?.reference ?? null;
    newest = newerOf(newest, found?.record ?? null);
  }
  return { references, newest };
}

interface Wanted {
  readonly name: ReferenceName;
  readonly metrics: readonly string[];
  readonly run: string;
}

const newerOf = (one: InputRecord | null, other: InputRecord | null): InputRecord | null =>
  one && other ? (other.seq > one.seq ? other : one) : (one ?? other);

/** With the metrics that gates compare; the baseline has its own. */
function wantedOf(gates: readonly Gate[]): Map<ReferenceName, string[]> {
  const wanted = new Map<string, { name: ReferenceName; metrics: string[] }>();
  wanted.set('baseline', { name: 'baseline', metrics: [] });
  for (const gate of gates) {
    if (gate.check !== 'compare' && gate.check !== 'noninferiority') continue;
    const known = wanted.get(referenceKey(gate.to)) ?? { name: gate.to, metrics: [] };
    wanted.set(referenceKey(gate.to), { name: gate.to, metrics: [...known.metrics, gate.metric] });
  }
  return new Map([...wanted.values()].map(({ name, metrics }) => [name, metrics]));
}

function find(connection: Connection, model: string, wanted: Wanted): Promise<Found | null> {
  const { name } = wanted;
  if (name === 'baseline') return findBaseline(connection, model);
  if (name === 'production') return findProduction(connection, model, wanted);
  return 'version' in name
    ? findVersion(connection, model, { ...wanted, version: name.version })
    : findLastPassed(connection, model, { ...wanted, count: name.last_passed });
}

/** The newest baseline of a model. */
export async function findBaseline(connection: Connection, model: string): Promise<Found | null> {
  const result = await connection.query<InputRecord & { document: string }>(
    'select since_seq as seq, hash, sealed_at, document from baselines where model = $1 order by since_seq desc limit 1',
    [model],
  );
  const [row] = result.rows;
  if (!row) return null;
  const { document, ...record } = row;
  const { values } = JSON.parse(document) as EventPayload<'policy.baseline-set'>;
  const reference: Reference = {
    seq: record.seq,
    words: `the baseline of ${model}`,
    values: Object.fromEntries(
      values.map(({ metric, value, standard_error, evaluation_set }) => [
        metric,
        { value: Number(value), standard_error, set: evaluation_set },
      ]),
    ),
  };
  return { reference, record };
}

async function findProduction(connection: Connection, model: string, wanted: Wanted): Promise<Found | null> {
  const changes = await connection.query<InputRecord & { version: number; stage: string; until_seq: number | null }>(
    `select s.since_seq as seq, s.hash, s.sealed_at, s.version, s.stage, s.until_seq
     from model_stages s
     where s.model = $1
     order by s.since_seq desc`,
    [model],
  );
  const [newest] = changes.rows;
  const current = changes.rows.find(({ stage, until_seq }) => stage === 'Production' && until_seq === null);
  if (!newest) return null;
  const changed = recordOf(newest);
  if (!current) return { reference: null, record: changed };
  const { version } = current;
  const found = await findVersion(connection, model, { ...wanted, version });
  const reference = found?.reference && {
    ...found.reference,
    seq: current.seq,
    words: `version ${version} in production`,
  };
  return { reference: reference ?? null, record: newerOf(changed, found?.record ?? null) };
}

async function findVersion(
  connection: Connection,
  model: string,
  { metrics, version }: Wanted & { readonly version: number },
): Promise<Found | null> {
  const result = await connection.query<InputRecord & { run: string }>(
    'select since_seq as seq, hash, sealed_at, run from model_versions where model = $1 and version = $2',
    [model, version],
  );
  const [registered] = result.rows;
  if (!registered) return null;
  const { values, record } = await valuesOfRun(connection, registered.run, metrics);
  const reference = { seq: registered.seq, words: `version ${version}`, values };
  return { reference, record: newerOf(recordOf(registered), record) };
}

/**
 * The median of each metric over the newest runs of the model that passed. Any verdict on any other run of the model may change
 * which ones those are.
 */
async function findLastPassed(
  connection: Connection,
  model: string,
  { run, metrics, count }: Wanted & { readonly count: number },
): Promise<Found | null> {
  const others = await connection.query<InputRecord & { run: string; passed: boolean }>(
    `select v.since_seq as seq, v.hash, v.sealed_at, v.run, v.overall = 'passed' as passed
     from runs r
     join verdicts v on v.run = r.run and v.until_seq is null
     where r.model = $1 and r.run <> $2
     order by v.since_seq desc`,
    [model, run],
  );
  const [newest] = others.rows;
  if (!newest) return null;
  const chosen = others.rows.filter(({ passed }) => passed).slice(0, count);
  let record: InputRecord | null = recordOf(newest);
  const all: Readonly<Record<string, ReferenceValue>>[] = [];
  for (const { run: other } of chosen) {
    const found = await valuesOfRun(connection, other, metrics);
    all.push(found.values);
    record = newerOf(record, found.record);
  }
  const [first] = chosen;
  if (!first) return { reference: null, record };
  const values = metrics.flatMap((metric): [string, ReferenceValue][] => {
    const found = all.flatMap((one) => one[metric] ?? []);
    return found.length === 0 ? [] : [[metric, medianValue(found)]];
  });
  const words = `the median of the last ${chosen.length} passed runs`;
  return { reference: { seq: first.seq, words, values: Object.fromEntries(values) }, record };
}

const recordOf = ({ seq, hash, sealed_at }: InputRecord): InputRecord => ({ seq, hash, sealed_at });

function medianValue(found: readonly ReferenceValue[]): ReferenceValue {
  return { value: medianOf(found.map(({ value }) => value)), standard_error: null, set: commonSet(found) };
}

/** What all were measured on; null where that differs. */
function commonSet(found: readonly ReferenceValue[]): EvaluationSet | null {
  const set = found[0]?.set ?? null;
  return set && found.every((one) => one.set?.digest === set.digest && one.set.kind === set.kind) ? set : null;
}

/** Metrics of another run's final weights, from its evaluations and not from its training rows, and its newest input. */
async function valuesOfRun(
  connection: Connection,
  run: string,
  metrics: readonly string[],
): Promise<{ values: Record<string, ReferenceValue>; record: InputRecord | null }> {
  const result = await connection.query<InputRecord & { document: string }>(
    `select d.document, r.input_seq as seq, r.input_hash as hash, r.input_at as sealed_at
     from run_documents d
     join runs r on r.run = d.run
     where d.run = $1`,
    [run],
  );
  const [row] = result.rows;
  if (!row) return { values: {}, record: null };
  const facts = JSON.parse(row.document) as RunFacts;
  const rows = await readRows(connection, run, { others: true, evaluationsOnly: true });
  const view = new RunView(judgeInputOf({ facts, rows, isRegistered: () => true, references: {}, overridden: [] }), 3);
  const values = metrics.flatMap((metric): [string, ReferenceValue][] => {
    const { value, standard_error, set } = view.findFinal(metric) ?? {};
    return value === undefined ? [] : [[metric, { value, standard_error: standard_error ?? null, set: set ?? null }]];
  });
  return { values: Object.fromEntries(values), record: recordOf(row) };
}
