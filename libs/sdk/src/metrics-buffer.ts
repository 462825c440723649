import type { EventPayload } from '@runseal/contracts';

export type MetricRow = EventPayload<'run.metrics-logged'>['rows'][number];

/** Where a row belongs. `step` may be left out in summary rows only. */
export interface RowPlace {
  step?: number | null;
  /** `train` unless told. */
  kind?: MetricRow['kind'];
  epoch?: number | null;
  /** RFC 3339, or null where the source tells no time; now unless told. */
  at?: string | null;
}

export const POINTS_MAX = 200;
/** The schema's limit on rows of one event. */
const ROWS_MAX = 1000;
const VALUES_MAX = 1000;

/** Gathers rows in memory and numbers them: `n` counts from 0 within (kind, step) of this attempt. */
export class MetricsBuffer {
  private rows: MetricRow[] = [];
  private points = 0;
  // One entry a step logged: about 40 bytes each for the life of the run, since a step may come back at any time.
  private readonly counts = {
    train: new Map<number | null, number>(),
    eval: new Map<number | null, number>(),
    summary: new Map<number | null, number>(),
  };

  get isFull(): boolean {
    return this.points >= POINTS_MAX || this.rows.length >= ROWS_MAX;
  }

  get isEmpty(): boolean {
    return this.rows.length === 0;
  }

  /**
   * Returns what is wrong, or null. A value that is no number is left out, a row without any or without a step as a
   * whole. Non-finite numbers become their strings.
   */
  push(values: Readonly<Record<string, unknown>>, place: RowPlace): string | null {
    const kind = place.kind ?? 'train';
    const step = place.step ?? null;
    const counts = this.counts[kind];
    if (!counts) return `kind must be train, eval or summary, found ${JSON.stringify(kind)}`;
    if (step === null ? kind !== 'summary' : !Number.isFinite(step)) return `step must be a number, found ${step}`;
    const copy: MetricRow['values'] = {};
    let size = 0;
    let wrong: string | null = null;
    for (const key in values) {
      const value = encodeMetric(values[key]);
      if (value === null) {
        wrong = `${key} is no number`;
        continue;
      }
      copy[key] = value;
      size += 1;
    }
    if (size === 0 || size > VALUES_MAX) return wrong ?? `a row has 1 to ${VALUES_MAX} values, found ${size}`;
    const n = counts.get(step) ?? 0;
    counts.set(step, n + 1);
    const at = place.at === undefined ? new Date().toISOString() : place.at;
    this.rows.push({ kind, step, n, at, epoch: place.epoch ?? null, values: copy });
    this.points += size;
    return wrong;
  }

  take(): MetricRow[] {
    const rows = this.rows;
    this.rows = [];
    this.points = 0;
    return rows;
  }
}

/** A metric's value as it travels; null for what is no number at all. */
export function encodeMetric(value: unknown): MetricRow['values'][string] | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : (String(value) as 'NaN');
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? value : null;
}
