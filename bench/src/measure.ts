import { availableParallelism, loadavg } from 'node:os';

/** What one run gives: the bench's figure in its unit, followed by those of `also`, in their order. */
export type Run = () => Promise<number | readonly number[]>;

export interface Prepared {
  readonly ours: Run;
  /** Gives one figure. Null where nothing comparable exists. */
  readonly control: Run | null;
  readonly close: () => Promise<void>;
}

/** One promised figure. */
export interface Claim {
  readonly name: string;
  readonly unit: string;
  /** In words, as the figure is judged. */
  readonly target: string;
  /** `ratio` is ours / control, null without a control. */
  readonly isMet: (value: number, ratio: number | null) => boolean;
}

export interface Bench extends Claim {
  readonly control: string | null;
  /** Figures of the same runs that have no control of their own. */
  readonly also?: readonly Claim[];
  /** Server version for figures that need one. */
  readonly postgres?: number;
  readonly runs?: number;
  /** Each run starts from nothing, so that a first one is like the others. */
  readonly isCold?: boolean;
  /** Why the bench runs only where it is named. */
  readonly onlyByName?: string;
  /** What this machine lacks for it, in words; null where nothing is lacking. */
  readonly lacks?: () => Promise<string | null>;
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
  /** Processes that ran or waited on this machine in the minute before, these included: what else it had to do. */
  readonly load: number;
  readonly node: string;
  readonly postgres: number | null;
}

/** Runs ours and the control in turn, one warm-up each, and reports the medians: a machine that changes its speed hits both. */
export async function measure(bench: Bench): Promise<Figure[]> {
  const prepared = await bench.prepare();
  try {
    const ours: (readonly number[])[] = [];
    const controls: number[] = [];
    for (let run = bench.isCold ? 1 : 0; run <= (bench.runs ?? 5); run++) {
      const values = [await prepared.ours()].flat();
      const control = [(await prepared.control?.()) ?? []].flat();
      if (run === 0) continue;
      ours.push(values);
      controls.push(...control);
    }
    const control = controls.length > 0 && bench.control ? { name: bench.control, value: median(controls) } : null;
    return [bench, ...(bench.also ?? [])].map((claim, index) =>
      judge(claim, {
        runs: ours.map((values) => values[index] ?? Number.NaN),
        control: index === 0 ? control : null,
        bench,
      }),
    );
  } finally {
    await prepared.close();
  }
}

interface Measured {
  readonly bench: Bench;
  readonly runs: readonly number[];
  readonly control: { readonly name: string; readonly value: number } | null;
}

function judge(claim: Claim, { bench, runs, control }: Measured): Figure {
  const value = median(runs);
  const ratio = control ? value / control.value : null;
  return {
    bench: claim.name,
    unit: claim.unit,
    value: round(value),
    control: control && { ...control, value: round(control.value) },
    ratio: ratio === null ? null : round(ratio),
    target: claim.target,
    met: claim.isMet(value, ratio),
    runs: runs.map(round),
    cores: availableParallelism(),
    load: round(loadavg()[0] ?? Number.NaN),
    node: process.version,
    postgres: bench.postgres ?? null,
  };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the share lies, between its two neighbours where it falls between them. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const place = share * (sorted.length - 1);
  const [lower = Number.NaN, upper = lower] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return lower + (upper - lower) * (place - Math.floor(place));
}

/** Four significant digits: more would pretend a precision that these figures do not have. */
const round = (value: number): number => Number(value.toPrecision(4));
