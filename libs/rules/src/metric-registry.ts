import type { MetricValue } from './run-facts.js';

export interface MetricDefinition {
  readonly name: string;
  readonly unit: string | null;
  /** Which is better; null: neither, or it depends. */
  readonly direction: 'lower' | 'higher' | null;
  /** The range of values; null: unbounded, or as each value declares. */
  readonly scale: { readonly from: number; readonly to: number } | null;
  /** How the values of a run become one; `gates` judge the value at the step of the final weights, whatever this says. */
  readonly aggregation: 'last' | 'best' | 'mean' | 'max' | 'sum';
  /** Other names in rows of kind train (or eval, for those that begin with eval_). */
  readonly aliases: readonly string[];
  /** Metric that it is computed from. */
  readonly derived_from: string | null;
}

const metric = (name: string, definition: Partial<MetricDefinition>): MetricDefinition => ({
  ...{ name, unit: null, direction: null, scale: null, aggregation: 'last', aliases: [], derived_from: null },
  ...definition,
});
const share = { from: 0, to: 1 };
const percent = { from: 0, to: 100 };

/** The metrics that are known by name; others are kept, shown and never judged. */
export const metricRegistry: readonly MetricDefinition[] = [
  // Mean over the rows since the last one. A row's train_loss is this; a summary's is another metric, and wrong after a resume.
  metric('loss', { unit: 'nats per token', direction: 'lower', aliases: ['train_loss', 'train/loss'] }),
  metric('learning_rate', { aliases: ['lr', 'train/learning_rate'] }),
  metric('epoch', { unit: 'epochs', aggregation: 'max' }),
  metric('grad_norm', { direction: 'lower', aliases: ['train/grad_norm'] }),
  metric('tokens_processed', {
    unit: 'tokens',
    aggregation: 'max',
    aliases: ['num_input_tokens_seen', 'num_tokens', 'total_tokens'],
  }),
  metric('eval_loss', { unit: 'nats per token', direction: 'lower', aggregation: 'best', aliases: ['eval/loss'] }),
  metric('eval_accuracy', { direction: 'higher', scale: share, aggregation: 'best', aliases: ['eval/accuracy'] }),
  metric('perplexity', {
    direction: 'lower',
    aggregation: 'best',
    aliases: ['eval_perplexity', 'eval/perplexity'],
    derived_from: 'eval_loss',
  }),
  metric('gpu_memory_used', { unit: 'bytes', direction: 'lower', aggregation: 'max' }),
  metric('gpu_utilization', { unit: 'percent', direction: 'higher', scale: percent, aggregation: 'mean' }),
  metric('gpu_temperature', { unit: 'degrees Celsius', direction: 'lower', aggregation: 'max' }),
  metric('batch_time', { unit: 'seconds', direction: 'lower', aggregation: 'mean' }),
  metric('throughput', { unit: 'samples per second', direction: 'higher', aggregation: 'mean' }),
  metric('exact_match', { direction: 'higher', aggregation: 'best', aliases: ['em'] }),
  metric('f1', { direction: 'higher', aggregation: 'best' }),
  metric('rouge-1', { direction: 'higher', aggregation: 'best', aliases: ['rouge1', 'rouge_1'] }),
  metric('rouge-2', { direction: 'higher', aggregation: 'best', aliases: ['rouge2', 'rouge_2'] }),
  metric('rouge-l', { direction: 'higher', aggregation: 'best', aliases: ['rougel', 'rouge_l', 'rougeL'] }),
  metric('bleu', { direction: 'higher', aggregation: 'best', aliases: ['bleu-4', 'bleu_4', 'sacrebleu'] }),
  metric('mmlu', { direction: 'higher', aggregation: 'best', aliases: ['mmlu_accuracy', 'mmlu_acc'] }),
  metric('human_score', { direction: 'higher', scale: { from: 1, to: 5 }, aliases: ['human_eval_score'] }),
];

const byName = new Map(metricRegistry.map((definition) => [definition.name, definition]));
const nameOf = new Map(
  metricRegistry.flatMap(
    ({ name, aliases }) => [[name, name], ...aliases.map((alias) => [alias, name])] as [string, string][],
  ),
);

/**
 * The registered name of a row's key, or the key itself. In rows of kind eval a bare `loss` is `eval_loss`, and eval_ in
 * front of a task metric (`eval_f1`) makes no other metric of it. In summaries `train_loss` stays what it is.
 */
export function canonicalMetric(key: string, kind: 'train' | 'eval' | 'summary' = 'train'): string {
  if (kind === 'summary' && key === 'train_loss') return key;
  if (kind === 'eval' && byName.has(`eval_${key}`)) return `eval_${key}`;
  const name = nameOf.get(key);
  if (name !== undefined) return name;
  const bare = /^(?:eval|predict|test)[_/](.+)$/.exec(key)?.[1];
  const task = bare === undefined ? undefined : nameOf.get(bare);
  return task !== undefined && isTaskMetric(task) ? task : key;
}

const taskMetrics = new Set(['exact_match', 'f1', 'rouge-1', 'rouge-2', 'rouge-l', 'bleu', 'mmlu', 'human_score']);
const isTaskMetric = (name: string): boolean => taskMetrics.has(name);

export const definitionOf = (metric: string): MetricDefinition | null => byName.get(nameOf.get(metric) ?? '') ?? null;

/** Null for a metric that is not registered or has no better side. */
export const directionOf = (metric: string): 'lower' | 'higher' | null => definitionOf(metric)?.direction ?? null;

/** exp(eval_loss); "Infinity" above 709, where a double would overflow soon. "NaN" stays, "-Infinity" gives 0. */
export function perplexityOf(evalLoss: MetricValue): MetricValue {
  const loss = Number(evalLoss);
  if (Number.isNaN(loss)) return 'NaN';
  return loss > 709 ? 'Infinity' : Math.exp(loss);
}

/** "NaN", "Infinity" or "-Infinity". */
export const isNonFinite = (value: MetricValue): value is 'NaN' | 'Infinity' | '-Infinity' => typeof value === 'string';
