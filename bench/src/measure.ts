import { availableParallelism } from 'node:os';

/** One side of a comparison: a run returns the figure, in the bench's unit. */
export type Run = () => Promise<number>;

export interface Prepared {
  readonly ours: Run;
  /** Null where nothing comparable exists. */
  readonly control: Run | null;
  readonly close: () => Promise<void>;
}

export interface Bench {
  readonly name: string;
  readonly unit: string;
  readonly control: string | null;
  /** In words, as the figure is judged. */
  readonly target: string;
  /** `ratio` is ours / control, null without a control. */
  readonly isMet: (value: number, ratio: number | null) => boolean;
  /** Server version for figures that need one. */
  readonly postgres?: number;
  readonly runs?: number;
  readonly prepare: () => Promise<Prepared>;
}

export interface Figure {
  readonly bench: string;
  readonly unit: string;
  readonly value: number;
  readonly control: { readonly name: string; readonly value: number } | null;
  readonly ratio: number | null;
  readonly target: string;
  readonly met: boolean;
  readonly runs: readonly number[];
  readonly cores: number;
  readonly node: string;
  readonly postgres: number | null;
}

/** Runs ours and the control in turn, one warm-up each, and reports the medians: a machine that changes its speed hits both. */
export async function measure(bench: Bench): Promise<Figure> {
  const prepared = await bench.prepare();
  try {
    const ours: number[] = [];
    const controls: number[] = [];
    for (let run = 0; run <= (bench.runs ?? 5); run++) {
      const value = await prepared.ours();
      const control = (await prepared.control?.()) ?? null;
      if (run === 0) continue;
      ours.push(value);
      if (control !== null) controls.push(control);
    }
    const value = median(ours);
    const control = controls.length > 0 && bench.control ? { name: bench.control, value: median(controls) } : null;
    const ratio = control ? value / control.value : null;
    return {
      bench: bench.name,
      unit: bench.unit,
      value: round(value),
      control: control && { ...control, value: round(control.value) },
      ratio: ratio === null ? null : round(ratio),
      target: bench.target,
      met: bench.isMet(value, ratio),
      runs: ours.map(round),
      cores: availableParallelism(),
      node: process.version,
      postgres: bench.postgres ?? null,
    };
  } finally {
    await prepared.close();
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Four significant digits: more would pretend a precision that these figures do not have. */
const round = (value: number): number => Number(value.toPrecision(4));
