import { NotFoundException } from '@nestjs/common';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Pool } from '@runseal/postgres';
import type { AsOf } from '@runseal/runtime';
import { describeNodes, type NodeRow } from './describe-nodes.js';
import type { EdgeClass, GraphAnswer, GraphEdge } from './graph-answers.js';
import { Lineage } from './lineage.js';
import { findMoment } from './moment.js';
import { keyOf, nodeIdOf } from './nodes.js';

export class WalkGraph {
  constructor(
    /** A node's id, a run's UUID or an alias. */
    readonly start: string,
    readonly direction: GraphAnswer['direction'],
    readonly limits: {
      readonly classes: readonly EdgeClass[];
      /** Edges from the start. */
      readonly depth: number;
      /** Nodes that are shown; all are counted. */
      readonly limit: number;
    },
    readonly asOf?: AsOf,
  ) {}
}

@QueryHandler(WalkGraph)
export class WalkGraphHandler implements IQueryHandler<WalkGraph, GraphAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ start, direction, limits, asOf }: WalkGraph): Promise<GraphAnswer> {
    const { pool } = this.lineage;
    const seq = await findMoment(this.lineage, asOf);
    const starts = await findNodes(pool, start, seq);
    const folders = await findFolders(pool, starts, seq);
    const walk = { direction, classes: limits.classes, depth: limits.depth, seq };
    const { depths, isCut } = await walkLevels(pool, walk, [
      starts.map(({ node }) => node),
      folders.map(({ folder }) => folder),
    ]);
    const shown = await describeNodes(pool, nearestOf(depths, limits.limit), { limit: limits.limit, asOf: seq });
    const ids = new Map(shown.map(({ node, id }) => [node, id]));
    const edges = await findEdges(pool, [...ids.keys()], walk);
    const isLimited = depths.size > shown.length;
    return {
      start: (starts[0] as NodeRow).id,
      direction,
      classes: limits.classes,
      nodes: shown.map(({ node: _, ...facts }) => facts),
      edges: [...edges, ...folders.map(partOf)].flatMap(({ from_node, to_node, ...edge }) => {
        const [from, to] = [ids.get(from_node), ids.get(to_node)];
        return from === undefined || to === undefined ? [] : [{ from, to, ...edge }];
      }),
      total: depths.size,
      truncated: isLimited || isCut,
      truncated_by: [...(isLimited ? ['limit' as const] : []), ...(isCut ? ['depth' as const] : [])],
      as_of: seq,
    };
  }
}

type EdgeRow = Omit<GraphEdge, 'from' | 'to'> & { readonly from_node: string; readonly to_node: string };
interface FolderRow {
  readonly folder: string;
  readonly file: string;
  readonly since_seq: number;
}

const partOf = ({ folder, file, since_seq }: FolderRow): EdgeRow => ({
  ...{ from_node: file, to_node: folder, kind: 'part_of', class: 'influence', since_seq, until_seq: null },
});

/** The nodes that a text means. Throws where there is none. An alias may mean several: then all of them. */
export async function findNodes(pool: Pool, text: string, asOf: number): Promise<NodeRow[]> {
  const id = nodeIdOf(text);
  const result = await pool.query<NodeRow>({
    name: 'find-nodes',
    text: `
with found as (
  select $1::uuid as node
  union
  select a.node from aliases a where a.alias = $2 and a.since_seq <= $3
)
select n.node, n.id, n.kind, n.first_seq
from found f
join nodes n on n.node = f.node
where n.first_seq <= $3
order by n.node = $1 desc, n.first_seq, n.id`,
    values: [id === null ? null : keyOf(id), text, asOf],
  });
  if (result.rows.length === 0) {
    throw new NotFoundException(`The ledger knows nothing named "${text.slice(0, 200)}" at record ${asOf}.`);
  }
  return result.rows;
}

/** A file stands for the folders that hold it, but at the start only: else the files that many have alike would join all. */
async function findFolders(pool: Pool, starts: readonly NodeRow[], asOf: number): Promise<FolderRow[]> {
  const result = await pool.query<FolderRow>({
    name: 'folders-of-files',
    text: `
select f.folder, f.file, min(f.since_seq) as since_seq
from folder_files f
where f.file = any ($1::uuid[]) and f.since_seq <= $2
group by f.folder, f.file`,
    values: [starts.map(({ node }) => node), asOf],
  });
  return result.rows;
}

interface Walk {
  readonly direction: GraphAnswer['direction'];
  readonly classes: readonly EdgeClass[];
  readonly depth: number;
  /** Edges that held then. */
  readonly seq: number;
}

/**
 * All nodes within `depth` edges with their true distance: level by level, each node once. A recursive query either
 * knows no distances or meets a node again at each one, which grows without end where names stand for one another.
 */
async function walkLevels(
  pool: Pool,
  walk: Walk,
  [starts, folders]: readonly [readonly string[], readonly string[]],
): Promise<{ depths: Map<string, number>; isCut: boolean }> {
  const depths = new Map(starts.map((node) => [node, 0]));
  let level = starts;
  for (let depth = 1; ; depth += 1) {
    const found = await findNext(pool, walk, level);
    const next = [...new Set(depth === 1 ? [...folders, ...found] : found)].filter((node) => !depths.has(node));
    if (next.length === 0) return { depths, isCut: false };
    if (depth > walk.depth) return { depths, isCut: true };
    for (const node of next) depths.set(node, depth);
    level = next;
  }
}

async function findNext(pool: Pool, { direction, classes, seq }: Walk, level: readonly string[]): Promise<string[]> {
  const [near, far] = direction === 'ancestry' ? ['to_node', 'from_node'] : ['from_node', 'to_node'];
  const result = await pool.query<[string]>({
    name: `next-${direction}`,
    rowMode: 'array',
    text: `
select distinct e.${far}
from edges e
where e.${near} = any ($1::uuid[]) and e.class = any ($2::text[])
  and e.since_seq <= $3 and (e.until_seq is null or e.until_seq > $3)`,
    values: [level, classes, seq],
  });
  return result.rows.map(([node]) => node);
}

/** Whole levels, of which the last one is cut by whoever shows `limit` nodes. They come in order of depth. */
function nearestOf(depths: ReadonlyMap<string, number>, limit: number): Map<string, number> {
  const nearest = new Map<string, number>();
  let deepest = 0;
  for (const [node, depth] of depths) {
    if (nearest.size >= limit && depth > deepest) break;
    deepest = depth;
    nearest.set(node, depth);
  }
  return nearest;
}

/** Edges between the nodes shown. */
async function findEdges(pool: Pool, nodes: readonly string[], { classes, seq }: Walk): Promise<EdgeRow[]> {
  const result = await pool.query<EdgeRow>({
    name: 'edges-between',
    text: `
select e.from_node, e.to_node, e.kind, e.class, e.since_seq, e.until_seq
from edges e
where e.from_node = any ($1::uuid[]) and e.to_node = any ($1::uuid[]) and e.class = any ($2::text[])
  and e.since_seq <= $3 and (e.until_seq is null or e.until_seq > $3)
order by e.since_seq, e.from_node, e.to_node, e.kind`,
    values: [nodes, classes, seq],
  });
  return result.rows;
}
