import { isObject, parsePythonJson } from './python-json.js';
import { refuse } from './refuse.js';
import { countOrNull, kindOf, metricOf, numberOrNull, type Row, type Values } from './row.js';

/** A row of trainer_log.jsonl. It has no grad_norm and no clock, only the time since its process began. */
export interface LogRow extends Row {
  readonly line: number;
  readonly step: number;
  readonly totalSteps: number | null;
  readonly elapsed_s: number | null;
}

export interface TrainerLog {
  readonly rows: readonly LogRow[];
  /** The first row's line, without its line feed; null where there is no row. */
  readonly firstLine: string | null;
  /** The last line, where it breaks off. */
  readonly cutOffLine: number | null;
}

/** Members that place a row; all others are values. */
const PLACE = new Set(['current_steps', 'total_steps', 'epoch', 'percentage', 'elapsed_time', 'remaining_time']);

/** This file's short names for what trainer_state.json and everybody else calls otherwise. */
const LONG_NAMES: Readonly<Record<string, string>> = { lr: 'learning_rate', total_tokens: 'num_input_tokens_seen' };

/**
 * Rows of trainer_log.jsonl in their order, the last one (of a training that ended, without a loss) included. A last line
 * that breaks off is left out and told; any other line that is no row is refused with its number.
 */
export function parseTrainerLog(text: string): TrainerLog {
  const rows: LogRow[] = [];
  let firstLine: string | null = null;
  let start = 0;
  for (let line = 1; start < text.length; line++) {
    const end = text.indexOf('\n', start);
    const body = text.slice(start, end < 0 ? text.length : end);
    start = end < 0 ? text.length : end + 1;
    if (body.trim() === '') continue;
    let entry: unknown;
    try {
      entry = parsePythonJson(body);
    } catch {
      if (end < 0) return { rows, firstLine, cutOffLine: line };
      refuse(
        `trainer_log.jsonl, line ${line}, is no JSON: "${body.slice(0, 80)}". Wanted one row a line, as the trainer wrote it.`,
      );
    }
    firstLine ??= body;
    rows.push(toRow(entry, line));
  }
  return { rows, firstLine, cutOffLine: null };
}

function toRow(entry: unknown, line: number): LogRow {
  const step = isObject(entry) ? numberOrNull(entry['current_steps']) : null;
  if (!isObject(entry) || step === null) {
    refuse(`trainer_log.jsonl, line ${line}, has no current_steps. Wanted the log that LLaMA-Factory writes.`);
  }
  const values = valuesOf(entry);
  return {
    line,
    kind: kindOf(values),
    step,
    epoch: numberOrNull(entry['epoch']),
    values,
    totalSteps: countOrNull(entry['total_steps']),
    elapsed_s: secondsOf(entry['elapsed_time']),
  };
}

function valuesOf(entry: Record<string, unknown>): Values {
  const values: Values = {};
  // Where the trainer was told to count no tokens it writes 0 and "0.00": a gap, not a measurement.
  const countsTokens = entry['total_tokens'] !== 0;
  for (const key in entry) {
    if (PLACE.has(key) || (!countsTokens && (key === 'total_tokens' || key === 'throughput'))) continue;
    const found = entry[key];
    // Some versions write throughput as text.
    const value = metricOf(key === 'throughput' && typeof found === 'string' ? Number(found) : found);
    if (value !== null) values[LONG_NAMES[key] ?? key] = value;
  }
  return values;
}

/** Seconds of "0:00:32" or "1 day, 2:03:04"; null for anything else. */
export function secondsOf(text: unknown): number | null {
  const match = typeof text === 'string' ? /^(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)$/.exec(text) : null;
  if (!match) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/** Whether a row has no metric of the training or of an evaluation: the one that LLaMA-Factory writes when training ends. */
export function isEndRow({ values }: Row): boolean {
  for (const key in values) if (key !== 'num_input_tokens_seen' && key !== 'throughput') return false;
  return true;
}
