import type { Pool } from '@runseal/postgres';
import type { Overall, RunState, Stage } from './answers.js';
import type { GraphNode, NodeKind } from './graph-answers.js';

export interface NodeRow {
  readonly node: string;
  readonly id: string;
  readonly kind: NodeKind;
  readonly first_seq: number;
}

interface Described extends NodeRow {
  readonly name: string | null;
  readonly detail: string | null;
  readonly run_name: string | null;
  readonly state: RunState | null;
  readonly overall: Overall | null;
  readonly stage: Stage | null;
}

/**
 * The nearest `limit` of the nodes, of equally near ones the older first, with what a person wants to see of each. Stages and
 * verdicts are those of `asOf`; a run's state is the present one.
 */
export async function describeNodes(
  pool: Pool,
  depths: ReadonlyMap<string, number>,
  { limit, asOf }: { readonly limit: number; readonly asOf: number },
): Promise<(GraphNode & { readonly node: string })[]> {
  const result = await pool.query<Described & { readonly depth: number }>({
    name: 'describe-nodes',
    text: `
with near as (
  select n.node, n.id, n.kind, n.first_seq, d.depth
  from unnest($1::uuid[], $2::integer[]) as d (node, depth)
  join nodes n on n.node = d.node
  order by d.depth, n.first_seq, n.id
  limit $3
)
select n.node, n.id, n.kind, n.first_seq, n.depth, r.name as run_name, r.state, m.stage,
  coalesce(v.overall, (select o.overall from verdicts o where o.verdict = case when n.kind = 'verdict' then substring(n.id from 9)::uuid end))
    as overall,
  (select s.name from sightings s where s.node = n.node and s.name is not null and s.seq <= $4
    order by s.seq, s.place limit 1) as name,
  (select s.kind from sightings s where s.node = n.node and s.kind is not null and s.seq <= $4
    order by s.seq, s.place limit 1) as detail
from near n
left join runs r on r.run = case when n.kind = 'run' then substring(n.id from 5)::uuid end
left join lateral (
  select v.overall
  from verdicts v
  where v.run = r.run and v.since_seq <= $4 and (v.until_seq is null or v.until_seq > $4)
  order by v.since_seq desc
  limit 1
) v on true
left join lateral (
  select s.stage
  from model_stages s
  where n.kind = 'model_version'
    and s.model = substring(n.id from '^model:(.*):[0-9]+$') and s.version = substring(n.id from ':([0-9]+)$')::bigint
    and s.since_seq <= $4 and (s.until_seq is null or s.until_seq > $4)
  order by s.since_seq desc
  limit 1
) m on true
order by n.depth, n.first_seq, n.id`,
    values: [[...depths.keys()], [...depths.values()], limit, asOf],
  });
  return result.rows.map((row) => ({
    node: row.node,
    id: row.id,
    kind: row.kind,
    label: row.run_name ?? row.name ?? labelOf(row),
    detail: row.detail,
    state: row.state,
    stage: row.stage,
    overall: row.overall,
    depth: row.depth,
    first_seq: row.first_seq,
  }));
}

/** Without a name: the id, its long part shortened. */
function labelOf({ id, kind }: NodeRow): string {
  const rest = id.slice(id.indexOf(':') + 1);
  if (kind === 'revision' || kind === 'model_version') return rest;
  return rest.length > 12 ? `${kind} ${rest.slice(0, 12)}` : rest;
}
