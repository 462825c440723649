import { isObject, parseJsonFile } from './python-json.js';
import { countOrNull, kindOf, metricOf, numberOrNull, type Row, type Values } from './row.js';

/** trainer_state.json of the folder or of a checkpoint. */
export interface TrainerState {
  readonly file: string;
  readonly rows: readonly Row[];
  /** The first row as it stands in the file; null where there is none. */
  readonly firstRow: string | null;
  readonly globalStep: number | null;
  readonly maxSteps: number | null;
  readonly epochs: number | null;
  readonly epoch: number | null;
  readonly best: { readonly step: number | null; readonly path: string | null; readonly metric: number | null } | null;
  readonly settings: Readonly<Record<string, number>>;
}

const SETTINGS = ['logging_steps', 'save_steps', 'eval_steps', 'train_batch_size', 'max_steps', 'num_train_epochs'];

/** Rows in the trainer's order, the ones after the end of training included, and what the file says of the run. */
export function parseTrainerState(text: string, file: string): TrainerState {
  const state = parseJsonFile(text, file);
  const history = Array.isArray(state['log_history']) ? (state['log_history'] as unknown[]) : [];
  return {
    file,
    rows: history.flatMap((entry) => toRow(entry)),
    firstRow: /"log_history"\s*:\s*\[\s*(\{[^{}]*\})/.exec(text)?.[1] ?? null,
    globalStep: countOrNull(state['global_step']),
    maxSteps: countOrNull(state['max_steps']),
    epochs: numberOrNull(state['num_train_epochs']),
    epoch: numberOrNull(state['epoch']),
    best: bestOf(state),
    settings: Object.fromEntries(
      SETTINGS.flatMap((name): [string, number][] => {
        const value = numberOrNull(state[name]);
        return value === null ? [] : [[name, value]];
      }),
    ),
  };
}

function toRow(entry: unknown): Row[] {
  if (!isObject(entry)) return [];
  const values: Values = {};
  let size = 0;
  for (const key in entry) {
    if (key === 'step' || key === 'epoch') continue;
    const value = metricOf(entry[key]);
    if (value === null) continue;
    values[key] = value;
    size += 1;
  }
  const step = numberOrNull(entry['step']);
  const kind = step === null ? 'summary' : kindOf(values);
  return size === 0 ? [] : [{ kind, step, epoch: numberOrNull(entry['epoch']), values }];
}

function bestOf(state: Record<string, unknown>): TrainerState['best'] {
  const path = typeof state['best_model_checkpoint'] === 'string' ? state['best_model_checkpoint'] : null;
  const named = path === null ? null : /checkpoint-(\d+)[\\/]*$/.exec(path)?.[1];
  const step = countOrNull(state['best_global_step']) ?? (named ? Number(named) : null);
  return step === null && path === null ? null : { step, path, metric: numberOrNull(state['best_metric']) };
}
