import { LineageBench, runEvents } from './lineage-database.js';
import type { Bench } from './measure.js';

const RUNS = 10_000;

export const runListBench: Bench = {
  name: 'run-list',
  unit: 'ms p95',
  control: null,
  target: `< 50 ms p95 (${RUNS} runs, filtered and sorted, over HTTP; the slowest of four ways to ask)`,
  isMet: (value) => value < 50,
  postgres: 18,
  prepare: async () => {
    const bench = await LineageBench.open();
    for (let run = 0; run < RUNS; run += 500) {
      await bench.seal(Array.from({ length: 500 }, (_, index) => runEvents(run + index, 1)).flat());
    }
    await bench.project();
    const time = await bench.serve();
    return {
      ours: async () => {
        const queries = ['', '?sort=-final_loss', '?state=finished&sort=duration_seconds', '?q=RUN%2077&sort=name'];
        const times_ms: number[] = [];
        for (const query of queries) times_ms.push(await time(`/v1/runs${query}`));
        return Math.max(...times_ms);
      },
      control: null,
      close: () => bench.close(),
    };
  },
};
