import { fillLargeGraph, keyOf } from './large-graph.js';
import { asSuperuser } from './ledger-database.js';
import { LineageBench, timeQuery } from './lineage-database.js';
import type { Bench } from './measure.js';

const WANTED_NODES = 7_000;

// Every node reached, by the plainest query, which knows no distances.
const BARE = `
with recursive reached (node) as (
  select $1::uuid
  union
  select e.to_node
  from reached r
  join edges e on e.from_node = r.node and e.class = 'influence'
)
select r.node from reached r`;

export const ancestryBench: Bench = {
  name: 'ancestry',
  unit: 'ms p95',
  control: 'the bare recursive query',
  target: `< 100 ms p95 (1.2 M edges, about ${WANTED_NODES} descendants found and counted, 500 shown, over HTTP)`,
  isMet: (value) => value < 100,
  also: [
    {
      name: 'ancestry-up',
      unit: 'ms p95',
      target: '< 100 ms p95 (all that the model with the longest way back came from)',
      isMet: (value) => value < 100,
    },
  ],
  postgres: 18,
  prepare: async () => {
    const bench = await LineageBench.open();
    await bench.project();
    const graph = await fillLargeGraph(bench.lineage, WANTED_NODES);
    await asSuperuser(bench.superuserUrl, 'vacuum analyze');
    process.stderr.write(`${graph.edges} edges, ${graph.base.reached} nodes below the base\n`);
    const time = await bench.serve();
    return {
      ours: async () => [
        await time(`/v1/artifacts/${graph.base.id}/descendants`),
        await time(`/v1/artifacts/${encodeURIComponent(graph.model)}/ancestry`),
      ],
      control: () => timeQuery(bench.lineage, BARE, [keyOf(graph.base.id)]),
      close: () => bench.close(),
    };
  },
};
