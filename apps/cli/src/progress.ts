import { SingleBar } from 'cli-progress';
import { count, type Output } from './surroundings.js';

/** A progress bar on a terminal, nothing elsewhere. */
export interface Progress {
  /** `done` of the total given at the start; `records` so far, for the rate. */
  update(done: number, records: number): void;
  end(): void;
}

export function openProgress(output: Output, verb: string, total: number | null): Progress {
  if (output.isTTY !== true || total === null || total <= 0) return { update: () => undefined, end: () => undefined };
  const started = performance.now();
  const bar = new SingleBar({
    format: `${verb} {bar} {percentage}% | {records} records | {rate} records/s`,
    stream: output,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 30,
  });
  bar.start(total, 0, { records: '0', rate: '-' });
  return {
    update: (done, records) => {
      const rate = Math.round((records * 1000) / Math.max(1, performance.now() - started));
      bar.update(Math.min(done, total), { records: count(records), rate: count(rate) });
    },
    end: () => bar.stop(),
  };
}
