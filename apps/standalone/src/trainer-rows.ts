import type { EventPayload } from '@runseal/contracts';

/** What a Hugging Face Trainer leaves in trainer_state.json, as far as a replay needs it. */
export interface TrainerState {
  readonly rows: MetricRow[];
  readonly maxSteps: number | null;
  readonly epochsPlanned: number | null;
  readonly lastStep: number | null;
  readonly lastEpoch: number | null;
  readonly best: { step: number | null; path: string | null } | null;
}

type MetricRow = EventPayload<'run.metrics-logged'>['rows'][number];
type Values = MetricRow['values'];

/**
 * Reads trainer_state.json into rows with numbers, in the trainer's order; `at` is null, because the file has no clock.
 * Python writes NaN and Infinity bare, which JSON does not have: they become the strings that events use. Throws a
 * SyntaxError on what is no such JSON.
 */
export function readTrainerState(text: string): TrainerState {
  const state = JSON.parse(quoteNonFinite(text)) as Record<string, unknown>;
  const history = Array.isArray(state['log_history']) ? (state['log_history'] as Record<string, unknown>[]) : [];
  const seen = new Map<string, number>();
  const step = numberOr(state['best_global_step'], null);
  const path = typeof state['best_model_checkpoint'] === 'string' ? state['best_model_checkpoint'] : null;
  return {
    rows: history.flatMap((entry) => {
      const row = toRow(entry, seen);
      return row ? [row] : [];
    }),
    maxSteps: numberOr(state['max_steps'], null),
    epochsPlanned: numberOr(state['num_train_epochs'], null),
    lastStep: numberOr(state['global_step'], null),
    lastEpoch: numberOr(state['epoch'], null),
    best: step === null && path === null ? null : { step, path },
  };
}

/** Strings are matched first, so that a NaN inside one stays as it is. */
export function quoteNonFinite(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (found) =>
    found.startsWith('"') ? found : `"${found}"`,
  );
}

function toRow(entry: Record<string, unknown>, seen: Map<string, number>): MetricRow | null {
  const { step: found, epoch, ...rest } = entry;
  const values = Object.fromEntries(Object.entries(rest).filter(([, value]) => isMetric(value))) as Values;
  if (Object.keys(values).length === 0) return null;
  const step = numberOr(found, null);
  const kind = step === null ? 'summary' : kindOf(values);
  const key = `${kind} ${step}`;
  const n = seen.get(key) ?? 0;
  seen.set(key, n + 1);
  return { kind, step, n, at: null, epoch: numberOr(epoch, null), values };
}

/** Keys tell the rows apart: train_loss comes once, at the end; a row of the evaluation has eval_ before every metric. */
function kindOf(values: Values): MetricRow['kind'] {
  if ('train_loss' in values) return 'summary';
  if (Object.keys(values).some((key) => key.startsWith('eval_'))) return 'eval';
  return 'loss' in values ? 'train' : 'summary';
}

function isMetric(value: unknown): boolean {
  return typeof value === 'number' || value === 'NaN' || value === 'Infinity' || value === '-Infinity';
}

function numberOr<Fallback>(value: unknown, fallback: Fallback): number | Fallback {
  return typeof value === 'number' ? value : fallback;
}
