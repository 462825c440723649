import type { Row, Values } from './row.js';
import { kindOf, metricOf, numberOrNull } from './row.js';

/** What *_results.json files hold: file name to its object. */
export type ResultFiles = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export interface Results {
  /** The summary of the training, where a file that fits the rows has it. */
  readonly summary: Row | null;
  /** The evaluation after training, of the final weights, where a file that fits the rows has it. */
  readonly closing: Row | null;
  /** Metrics of predict_results.json. */
  readonly predicted: Values | null;
  /** Files that do not fit the rows, with the reason; nothing is taken from them. */
  readonly stale: ReadonlyMap<string, string>;
}

export interface Known {
  /** All rows of the last attempt, in order. */
  readonly rows: readonly Row[];
  readonly lastStep: number | null;
  readonly lastEpoch: number | null;
  /** Since the last attempt's process began, as its log says. */
  readonly elapsed_s: number | null;
}

/**
 * Takes from *_results.json what the rows do not have. all_results.json is a union that survives a run in the same folder,
 * and any of the files may be an earlier run's: one that contradicts the rows is named and not used.
 */
export function readResults(files: ResultFiles, known: Known): Results {
  const stale = new Map<string, string>();
  for (const [file, values] of files) {
    const fault = file === 'predict_results.json' ? null : findMisfit(values, known);
    if (fault !== null) stale.set(file, fault);
  }
  const all = files.get('all_results.json');
  for (const file of ['train_results.json', 'eval_results.json']) {
    const other = files.get(file);
    if (!all || !other || stale.has(file) || stale.has('all_results.json')) continue;
    const name = Object.keys(other).find((key) => key in all && all[key] !== other[key]);
    if (name !== undefined) {
      stale.set('all_results.json', `${name} is ${String(all[name])}, but ${String(other[name])} in ${file}`);
    }
  }
  const take = (file: string, belongs: (name: string) => boolean) =>
    [file, 'all_results.json'].flatMap((name) => {
      const values = files.get(name);
      return values && !stale.has(name) ? [pick(values, belongs)] : [];
    })[0] ?? {};
  const trained = take('train_results.json', (name) => name.startsWith('train_') || name === 'total_flos');
  const evaluated = take('eval_results.json', (name) => name.startsWith('eval_') || name === 'perplexity');
  return {
    summary: toSummary(trained, known),
    closing: toClosing(evaluated, known),
    predicted: toPredicted(files.get('predict_results.json')),
    stale,
  };
}

function findMisfit(values: Readonly<Record<string, unknown>>, { rows, lastEpoch, elapsed_s }: Known): string | null {
  const epoch = numberOrNull(values['epoch']);
  // Older versions round it to two places.
  if (epoch !== null && lastEpoch !== null && Math.abs(epoch - lastEpoch) > 0.0051) {
    return `it is of epoch ${epoch}, the last row of epoch ${lastEpoch}`;
  }
  const summary = rows.findLast(({ kind }) => kind === 'summary')?.values;
  for (const name of ['train_loss', 'train_runtime'] as const) {
    const [found, wanted] = [metricOf(values[name]), summary?.[name]];
    if (found !== null && wanted !== undefined && found !== wanted)
      return `${name} is ${found}, the rows have ${wanted}`;
  }
  const runtime = numberOrNull(values['train_runtime']);
  if (
    !summary &&
    runtime !== null &&
    elapsed_s !== null &&
    Math.abs(runtime - elapsed_s) > Math.max(60, elapsed_s / 20)
  ) {
    return `train_runtime is ${runtime} s, the rows took ${elapsed_s} s`;
  }
  return findOtherEvaluation(values, rows);
}

/** The evaluation after training is of weights that the rows know, where it was made of the last step's or a better one's. */
function findOtherEvaluation(values: Readonly<Record<string, unknown>>, rows: readonly Row[]): string | null {
  const found = numberOrNull(values['eval_loss']);
  const last = rows.findLast(({ step }) => step !== null)?.step;
  const losses = rows.flatMap(({ values: { eval_loss } }) => (typeof eval_loss === 'number' ? [eval_loss] : []));
  const atEnd = rows.some(({ kind, step }) => kind === 'eval' && step === last);
  if (found === null || losses.length === 0 || !atEnd) return null;
  const isNear = losses.some((loss) => Math.abs(loss - found) <= 0.01 * Math.abs(loss));
  return isNear ? null : `eval_loss is ${found}, which no evaluation of the rows comes near`;
}

function pick(
  values: Readonly<Record<string, unknown>>,
  belongs: (name: string) => boolean,
): Values & { epoch?: number } {
  const picked: Values = {};
  for (const name in values) {
    const value = metricOf(values[name]);
    if (value !== null && (belongs(name) || name === 'epoch')) picked[name] = value;
  }
  return picked;
}

function toSummary({ epoch, ...values }: Values, { rows }: Known): Row | null {
  if (!('train_loss' in values) || rows.some(({ kind }) => kind === 'summary')) return null;
  return { kind: 'summary', step: null, epoch: numberOrNull(epoch), values };
}

/** Null where a row of the last step already says the same. */
function toClosing({ epoch, ...values }: Values, { rows, lastStep }: Known): Row | null {
  if (!('eval_loss' in values) || lastStep === null || kindOf(values) !== 'eval') return null;
  const isThere = rows.some(
    (row) =>
      row.kind === 'eval' &&
      row.step === lastStep &&
      Object.keys(row.values).every((name) => !(name in values) || values[name] === row.values[name]),
  );
  return isThere ? null : { kind: 'eval', step: lastStep, epoch: numberOrNull(epoch), values };
}

function toPredicted(values: Readonly<Record<string, unknown>> | undefined): Values | null {
  const metrics = values ? pick(values, (name) => /^predict_(rouge|bleu)/.test(name)) : {};
  delete metrics['epoch'];
  return Object.keys(metrics).length > 0 ? metrics : null;
}
