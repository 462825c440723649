// From JSON that another version may have written to what the page shows: what is absent or of another kind becomes null or
// empty, never an exception, so that one strange member does not take the page away.
import type {
  Attempt,
  Checkpoint,
  Fault,
  Material,
  Metrics,
  MetricValue,
  Page,
  Position,
  Progress,
  Remark,
  Run,
  RunItem,
  Series,
  Status,
  Summary,
  WhoAmI,
} from './answers.js';

type Members = Readonly<Record<string, unknown>>;

export const members = (value: unknown): Members =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Members) : {};
export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
export const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;
export const listOf = <Item>(value: unknown, read: (item: Members) => Item): Item[] =>
  Array.isArray(value) ? value.map((item) => read(members(item))) : [];
const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
const orNull = <Found>(value: unknown, read: (found: Members) => Found): Found | null =>
  value === null || value === undefined ? null : read(members(value));

export function metricOf(value: unknown): MetricValue | null {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return value;
  return numberOf(value);
}

export function readPage<Item>(value: unknown, read: (item: Members) => Item): Page<Item> {
  const { items, next_cursor } = members(value);
  return { items: listOf(items, read), nextCursor: textOf(next_cursor) };
}

export const readRunItem = (item: Members): RunItem => ({
  id: textOf(item['run_id']) ?? '',
  name: textOf(item['name']),
  experiment: textOf(item['experiment']),
  state: textOf(item['state']) ?? 'unknown',
  overall: textOf(item['overall']),
  startedAt: textOf(item['started_at']),
  duration_s: numberOf(item['duration_seconds']),
  progress: readProgress(item['progress']),
  finalLoss: metricOf(item['final_loss']),
  evalLoss: metricOf(item['eval_loss']),
  faults: numberOf(item['faults']) ?? 0,
});

export const readExperiment = (item: Members): string => textOf(item['experiment']) ?? '';

function readProgress(value: unknown): Progress {
  const { step, total } = members(value);
  return { step: numberOf(step), total: numberOf(total) };
}

export function readRun(value: unknown): Run {
  const run = members(value);
  const verdict = members(run['verdict']);
  return {
    id: textOf(run['run_id']) ?? '',
    name: textOf(run['name']),
    experiment: textOf(run['experiment']),
    objective: textOf(run['objective']),
    trainer: orNull(run['trainer'], ({ name, version }) => [name, version].filter(textOf).join(' ')),
    recorded: textOf(run['recorded']),
    principal: textOf(run['principal']),
    state: textOf(run['state']) ?? 'unknown',
    startedAt: textOf(run['started_at']),
    endedAt: textOf(run['ended_at']),
    duration_s: numberOf(run['duration_seconds']),
    active_s: numberOf(run['active_seconds']),
    progress: { ...readProgress(run['progress']), epochs: numberOf(members(run['progress'])['epochs']) },
    end: readEnd(run['end']),
    attempts: listOf(run['attempts'], readAttempt),
    checkpoints: listOf(run['checkpoints'], readCheckpoint),
    weights: orNull(run['weights'], ({ attempt, step }) => ({ attempt: textOf(attempt), step: numberOf(step) })),
    summary: readSummary(run['summary']),
    inputs: listOf(run['inputs'], readMaterial),
    outputs: listOf(run['outputs'], readMaterial),
    overall: textOf(verdict['overall']),
    acceptance: orNull(verdict['acceptance'], ({ by, reason, seq }) => ({
      by: textOf(by) ?? '',
      reason: textOf(reason) ?? '',
      seq: numberOf(seq),
    })),
    model: orNull(run['model'], ({ name, version, stage }) => ({
      name: textOf(name) ?? '',
      version: numberOf(version) ?? 0,
      stage: textOf(stage) ?? 'None',
    })),
    faults: listOf(run['faults'], readFault),
    remarks: listOf(run['annotations'], readRemark),
  };
}

/** A planned end has nothing to explain. */
function readEnd(value: unknown): Run['end'] {
  const { type, error, reason, signal, exit_code, seq } = members(value);
  if (textOf(type) === null || type === 'run.finished') return null;
  const code = numberOf(exit_code);
  const why = [error, reason, signal, code === null ? null : `exit code ${code}`].filter(textOf);
  const words = type === 'run.lost' ? 'its heartbeats stopped' : 'no reason was recorded';
  return { why: why.join('; ') || words, seq: numberOf(seq) };
}

const readAttempt = (item: Members): Attempt => ({
  id: textOf(item['attempt']) ?? '',
  number: numberOf(item['number']),
  seq: numberOf(item['seq']),
  startedAt: textOf(item['started_at']),
  resumesAtStep: numberOf(members(item['resumes'])['step']),
  isResumed: item['resumes'] !== null && item['resumes'] !== undefined,
  rows: numberOf(item['rows']),
  steps: orNull(item['steps'], ({ from, to }) => ({ from: numberOf(from) ?? 0, to: numberOf(to) ?? 0 })),
  isBehindWeights: item['is_behind_weights'] === true,
});

const readCheckpoint = (item: Members): Checkpoint => ({
  step: numberOf(item['step']),
  path: textOf(item['path']),
  digest: textOf(item['digest']),
  size_bytes: numberOf(item['size_bytes']),
  evalLoss: metricOf(item['eval_loss']),
  isBest: item['is_best'] === true,
  deletedSeq: numberOf(item['deleted_seq']),
  seq: numberOf(item['seq']),
});

function readSummary(value: unknown): Summary {
  const summary = members(value);
  return {
    initialLoss: metricOf(summary['initial_loss']),
    finalLoss: metricOf(summary['final_loss']),
    bestEvalLoss: metricOf(summary['best_eval_loss']),
    finalEvalLoss: metricOf(summary['final_eval_loss']),
    bestCheckpoint: textOf(summary['best_checkpoint']),
    rows: numberOf(summary['rows']),
  };
}

function readMaterial(item: Members): Material {
  const facts = members(item['facts']);
  const git = members(facts['git']);
  const otherHashes = [
    ['after defaults and overrides', textOf(facts['resolved_digest'])],
    ['git commit', textOf(git['commit'])],
    ['revision', textOf(facts['revision'])],
  ] as const;
  return {
    kind: textOf(item['kind']) ?? 'unknown',
    role: textOf(item['role']),
    name: textOf(item['name']) ?? textOf(facts['source']),
    path: textOf(item['path']),
    digest: textOf(item['digest']),
    otherHashes: otherHashes.flatMap(([name, hash]) => (hash === null ? [] : [[name, hash] as const])),
    files: listOf(item['files'], (file) => ({
      path: textOf(file['path']) ?? '',
      digest: textOf(file['digest']),
      size_bytes: numberOf(file['size_bytes']),
    })),
    isAsserted: textsOf(item['asserted']).length > 0,
    seq: numberOf(item['seq']),
  };
}

function readRemark({ name, text, value, hides, seq }: Members): Remark {
  const hasValue = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  const said = [hasValue ? String(value) : null, textOf(text)].filter((part) => part !== null);
  return {
    name: textOf(name) ?? 'unknown',
    said: said.length === 0 ? null : said.join(': '),
    hides: textOf(hides),
    seq: numberOf(seq),
  };
}

const readFault = (item: Members): Fault => ({
  kind: textOf(item['kind']) ?? 'unknown',
  message: textOf(item['message']) ?? '',
  seq: numberOf(item['seq']),
  count: numberOf(item['count']) ?? 1,
});

export function readMetrics(value: unknown): Metrics {
  const { series, omitted, diagnosis } = members(value);
  return {
    series: listOf(series, readSeries),
    omitted: Array.isArray(omitted) ? omitted.length : 0,
    diagnosis: orNull(diagnosis, ({ verdict, since_step, best_step, explanation }) => ({
      verdict: textOf(verdict) ?? 'unknown',
      sinceStep: numberOf(since_step),
      bestStep: numberOf(best_step),
      explanation: textOf(explanation) ?? '',
    })),
  };
}

function readSeries(item: Members): Series {
  const points = Array.isArray(item['points']) ? (item['points'] as unknown[]) : [];
  const read = points.flatMap((point): [number | null, MetricValue][] => {
    const [step, value] = Array.isArray(point) ? (point as unknown[]) : [];
    const metric = metricOf(value);
    return metric === null ? [] : [[numberOf(step), metric]];
  });
  return {
    key: textOf(item['key']) ?? 'unknown',
    kind: textOf(item['kind']) ?? 'unknown',
    points: read,
    total: numberOf(item['total']) ?? read.length,
    isSampled: item['sampled'] === true,
  };
}

const readPosition = (found: Members): Position => ({
  epoch: numberOf(found['epoch']) ?? 0,
  seq: numberOf(found['seq']) ?? 0,
});

export function readStatus(value: unknown): Status {
  const { newest, readers, unreachable } = members(value);
  return {
    newest: orNull(newest, readPosition),
    readers: listOf(readers, ({ name, position, lag_records, stopped, trouble }) => ({
      name: textOf(name) ?? 'unknown',
      position: orNull(position, readPosition),
      lag_records: numberOf(lag_records),
      trouble: textOf(members(stopped)['reason']) ?? textOf(trouble),
    })),
    unreachable: textsOf(unreachable),
  };
}

export function readWhoAmI(value: unknown): WhoAmI {
  const { principal, name, kind, ledger, scopes } = members(value);
  return {
    principal: textOf(principal) ?? '',
    name: textOf(name),
    kind: textOf(kind) ?? '',
    ledger: textOf(ledger) ?? '',
    scopes: textsOf(scopes),
  };
}
