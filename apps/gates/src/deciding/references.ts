import type { EventPayload } from '@runseal/contracts';
import type { Connection } from '@runseal/postgres';
import type { RunFacts } from '@runseal/rules';
import { medianOf } from '../engine/curve.js';
import type { EvaluationSet, Reference, ReferenceValue } from '../engine/input.js';
import { referenceKey, type Policy, type ReferenceName } from '../engine/policy/policy.js';
import { RunView } from '../engine/run-view.js';
import { judgeInputOf } from './judge-input.js';
import { readRows } from './metric-columns.js';
import type { InputRecord } from './run-to-judge.js';

/** References by their key, and the newest record that one of them rests on. */
export interface FoundReferences {
  readonly references: Readonly<Record<string, Reference | null>>;
  readonly newest: InputRecord | null;
}

interface Found {
  readonly reference: Reference;
  readonly record: InputRecord;
}

export interface Comparing {
  readonly model: string | null;
  /** The run that is judged: it is no reference for itself. */
  readonly run: string;
  readonly policy: Policy;
}

/** Finds everything that a policy compares with, as the tables have it. */
export async function findReferences(connection: Connection, comparing: Comparing): Promise<FoundReferences> {
  const references: Record<string, Reference | null> = {};
  let newest: InputRecord | null = null;
  for (const [name, metrics] of wantedOf(comparing.policy)) {
    const found =
      comparing.model === null ? null : await find(connection, comparing.model, { name, metrics, ...comparing });
    references[referenceKey(name)] = found?.reference ?? null;
    if (found && (!newest || found.record.seq > newest.seq)) newest = found.record;
  }
  return { references, newest };
}

interface Wanted {
  readonly name: ReferenceName;
  readonly metrics: readonly string[];
  readonly run: string;
}

/** With the metrics that gates compare; the baseline has its own. */
function wantedOf({ gates }: Policy): Map<ReferenceName, string[]> {
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
  const result = await connection.query<InputRecord & { run: string; version: number }>(
    `select s.since_seq as seq, s.hash, s.sealed_at, v.run, s.version
     from model_stages s
     join model_versions v on v.model = s.model and v.version = s.version
     where s.model = $1 and s.stage = 'Production' and s.until_seq is null
     order by s.since_seq desc
     limit 1`,
    [model],
  );
  const [row] = result.rows;
  if (!row) return null;
  const { run, version, ...record } = row;
  return referenceTo(connection, run, { wanted, record, words: `version ${version} in production` });
}

async function findVersion(
  connection: Connection,
  model: string,
  wanted: Wanted & { readonly version: number },
): Promise<Found | null> {
  const result = await connection.query<InputRecord & { run: string }>(
    'select since_seq as seq, hash, sealed_at, run from model_versions where model = $1 and version = $2',
    [model, wanted.version],
  );
  const [row] = result.rows;
  if (!row) return null;
  const { run, ...record } = row;
  return referenceTo(connection, run, { wanted, record, words: `version ${wanted.version}` });
}

/** The median of each metric over the newest runs of the model that passed; null before there is one. */
async function findLastPassed(
  connection: Connection,
  model: string,
  wanted: Wanted & { readonly count: number },
): Promise<Found | null> {
  const result = await connection.query<InputRecord & { run: string }>(
    `select v.since_seq as seq, v.hash, v.sealed_at, v.run
     from verdicts v
     join runs r on r.run = v.run
     where v.overall = 'passed' and v.until_seq is null and r.model = $1 and v.run <> $2
     order by v.since_seq desc
     limit $3`,
    [model, wanted.run, wanted.count],
  );
  const [newest] = result.rows;
  if (!newest) return null;
  const all: Readonly<Record<string, ReferenceValue>>[] = [];
  for (const { run } of result.rows) all.push(await valuesOfRun(connection, run, wanted.metrics));
  const { run: _, ...record } = newest;
  const values = wanted.metrics.flatMap((metric): [string, ReferenceValue][] => {
    const found = all.flatMap((one) => one[metric] ?? []);
    return found.length === 0 ? [] : [[metric, medianValue(found)]];
  });
  const words = `the median of the last ${result.rows.length} passed runs`;
  return { reference: { seq: record.seq, words, values: Object.fromEntries(values) }, record };
}

function medianValue(found: readonly ReferenceValue[]): ReferenceValue {
  return { value: medianOf(found.map(({ value }) => value)), standard_error: null, set: commonSet(found) };
}

/** What all were measured on; null where that differs. */
function commonSet(found: readonly ReferenceValue[]): EvaluationSet | null {
  const set = found[0]?.set ?? null;
  return set && found.every((one) => one.set?.digest === set.digest && one.set.kind === set.kind) ? set : null;
}

async function referenceTo(
  connection: Connection,
  run: string,
  { wanted, record, words }: { wanted: Wanted; record: InputRecord; words: string },
): Promise<Found> {
  return { reference: { seq: record.seq, words, values: await valuesOfRun(connection, run, wanted.metrics) }, record };
}

/** Metrics of another run's final weights: from its evaluations, not from its training rows. */
async function valuesOfRun(
  connection: Connection,
  run: string,
  metrics: readonly string[],
): Promise<Record<string, ReferenceValue>> {
  const result = await connection.query<{ document: string }>('select document from run_documents where run = $1', [
    run,
  ]);
  const document = result.rows[0]?.document;
  if (document === undefined) return {};
  const facts = JSON.parse(document) as RunFacts;
  const rows = await readRows(connection, run, { others: true, evaluationsOnly: true });
  const view = new RunView(judgeInputOf({ facts, rows, isRegistered: () => true, references: {}, overridden: [] }), 3);
  return Object.fromEntries(
    metrics.flatMap((metric) => {
      const found = view.findFinal(metric);
      return found ? [[metric, { value: found.value, standard_error: found.standard_error, set: found.set }]] : [];
    }),
  );
}
