import { canonicalJson, toUtf8 } from '@runseal/chain';
import { eventOf, LineageBench, runEvents, runId, timeQuery } from './lineage-database.js';
import type { Bench } from './measure.js';
import { runStream } from './metrics-events.js';

const ROWS = 100_000;
/** A trainer's client sends what 200 points gather. */
const ROWS_EVENT = 50;
const ATTEMPT = '019bf9da-6cbd-7781-9feb-09fd37b88593';

export const curveBench: Bench = {
  name: 'curve',
  unit: 'ms p95',
  control: 'a raw scan of the rows',
  target: '< 50 ms p95 (loss of 100,000 rows of four metrics to 1,000 points, over HTTP, with its diagnosis)',
  isMet: (value) => value < 50,
  postgres: 18,
  prepare: async () => {
    const bench = await LineageBench.open();
    const [started] = runEvents(0, 0);
    const stream = runStream(0);
    const attempt = { resumes: null, total_steps: ROWS, total_epochs: null, processes: 1, asserted: [] };
    await bench.seal([
      ...(started ? [started] : []),
      eventOf('run.attempt-started', stream, attempt, ATTEMPT),
      ...Array.from({ length: ROWS / ROWS_EVENT }, (_, event) => ({
        ...eventOf('run.metrics-logged', stream, {}),
        payload: toUtf8(canonicalJson({ attempt: ATTEMPT, rows: rowsOf(event) })),
      })),
    ]);
    await bench.project();
    const time = await bench.serve();
    const path = `/v1/runs/${runId(0)}/metrics?key=loss&points=1000`;
    return {
      ours: () => time(path),
      control: () => timeQuery(bench.lineage, 'select steps, data from metric_chunks where run = $1', [runId(0)]),
      close: () => bench.close(),
    };
  },
};

function rowsOf(event: number): object[] {
  return Array.from({ length: ROWS_EVENT }, (_, index) => {
    const step = event * ROWS_EVENT + index + 1;
    const values = {
      loss: Math.round(1e4 * (0.3 + 2 / (1 + step / 5_000) + Math.sin(step) / 10)) / 1e4,
      grad_norm: 1 + Math.cos(step) / 2,
      learning_rate: 2e-4 * (1 - step / ROWS),
      tokens: step * 4_096,
    };
    return { kind: 'train', step, n: 0, at: null, epoch: (3 * step) / ROWS, values };
  });
}
