import { LineageBench, runEvents, runId } from './lineage-database.js';
import type { Bench } from './measure.js';

const METRICS_EVENTS = 25_000;

export const auditRecordBench: Bench = {
  name: 'audit-record',
  unit: 'ms p95',
  control: null,
  target: `< 50 ms p95 (a run of ${4 * METRICS_EVENTS} rows, over HTTP)`,
  isMet: (value) => value < 50,
  postgres: 18,
  prepare: async () => {
    const bench = await LineageBench.open();
    await bench.seal(runEvents(0, METRICS_EVENTS));
    await bench.project();
    const time = await bench.serve();
    return {
      ours: () => time(`/v1/runs/${runId(0)}/audit-record`),
      control: null,
      close: () => bench.close(),
    };
  },
};
