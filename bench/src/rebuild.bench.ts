import { lineageProjection } from '@runseal/lineage';
import { rebuild } from '@runseal/projections';
import { LineageBench, runEvents } from './lineage-database.js';
import type { Bench } from './measure.js';

const RUNS = 100;
const METRICS_EVENTS = 1_000;
/** So many runs go on at the same time. */
const AT_ONCE = 5;

export const rebuildBench: Bench = {
  name: 'rebuild',
  unit: 'records/s',
  control: 'reading the same records without projecting',
  target: `>= 25000 records/s (${RUNS} runs of ${METRICS_EVENTS} events of metrics, all tables of lineage)`,
  isMet: (value) => value >= 25_000,
  postgres: 18,
  prepare: async () => {
    const bench = await LineageBench.open();
    for (let run = 0; run < RUNS; run += AT_ONCE) {
      const streams = Array.from({ length: AT_ONCE }, (_, index) => runEvents(run + index, METRICS_EVENTS));
      await bench.seal((streams[0] ?? []).flatMap((_, index) => streams.flatMap((events) => events[index] ?? [])));
    }
    await bench.project();
    const { lineage: pool, source } = bench;
    return {
      ours: async () => {
        const report = await rebuild({ pool, projection: lineageProjection, ledger: 'default', source });
        if (report.outcome !== 'swapped') throw new Error(`rows differ: ${report.differing.join(', ')}`);
        return report.records / report.seconds;
      },
      control: async () => {
        const started = performance.now();
        let records = 0;
        for (;;) {
          const page = await source.read('default', records, 2_000);
          if (page.length === 0) break;
          records += page.length;
        }
        return (records * 1_000) / (performance.now() - started);
      },
      close: () => bench.close(),
    };
  },
};
