import { randomUUID, createHash } from 'node:crypto';
import type { Pool } from '@runseal/postgres';

const RUNS = 100_000;
const BASES = 200;
const DATASETS = 4_000;
const PAGE = 20_000;

export interface LargeGraph {
  readonly edges: number;
  /** A base, and how many nodes are reached from it. */
  readonly base: { readonly id: string; readonly reached: number };
  /** The model version with the longest way back. */
  readonly model: string;
}

type Edge = readonly [from: string, to: string, kind: string];

/**
 * Fills the tables with a graph of 1.2 million edges: each run takes in a base or, three in ten, an earlier model, data,
 * configuration, commit and environment, and its weights become a model version. Finds a base from which about `wanted` nodes
 * are reached.
 */
export async function fillLargeGraph(pool: Pool, wanted: number): Promise<LargeGraph> {
  const random = mulberry(7);
  const pick = (count: number) => Math.floor(random() * count);
  const edges: Edge[] = [];
  const depths = new Int32Array(RUNS);
  for (let run = 0; run < RUNS; run += 1) {
    const isContinued = run > 100 && random() < 0.3;
    // Continued are the newer ones; of bases some are liked much more than others.
    const earlier = run - 1 - Math.floor((run - 1) * random() ** 3);
    depths[run] = isContinued ? (depths[earlier] ?? 0) + 1 : 0;
    const origin = isContinued ? artifact(`weights ${earlier}`) : artifact(`base ${Math.floor(BASES * random() ** 3)}`);
    const to = `run:${runIdOf(run)}`;
    const weights = artifact(`weights ${run}`);
    edges.push([origin, to, 'initialised_from']);
    for (let data = 0; data < 4; data += 1) edges.push([artifact(`data ${pick(DATASETS)}`), to, 'trained_on']);
    edges.push([artifact(`config ${run}`), to, 'configured_by'], [`git:${pick(5_000)}`, to, 'built_from']);
    edges.push([artifact(`image ${pick(300)}`), to, 'built_from'], [artifact(`lock ${pick(3_000)}`), to, 'built_from']);
    edges.push([to, weights, 'produced'], [to, artifact(`report ${run}`), 'produced']);
    edges.push([weights, `model:m${run % 500}:${run}`, 'registered_as']);
  }
  const graph = await write(pool, edges);
  const deepest = depths.indexOf(Math.max(...depths));
  return { edges: graph.edges, base: findBase(edges, wanted), model: `model:m${deepest % 500}:${deepest}` };
}

async function write(pool: Pool, edges: readonly Edge[]): Promise<{ edges: number }> {
  const kept = [...new Map(edges.map((edge) => [edge.join(' '), edge])).values()];
  const ids = [...new Set(kept.flatMap(([from, to]) => [from, to]))];
  for (let from = 0; from < ids.length; from += PAGE) {
    const page = ids.slice(from, from + PAGE);
    await pool.query(
      `insert into nodes (node, id, kind, first_seq) select u.node, u.id, u.kind, 0 from unnest($1::uuid[], $2::text[], $3::text[]) as u (node, id, kind)`,
      [page.map(keyOf), page, page.map(kindOf)],
    );
  }
  for (let from = 0; from < kept.length; from += PAGE) {
    const page = kept.slice(from, from + PAGE);
    await pool.query(
      `insert into edges (from_node, to_node, kind, class, since_seq)
       select u.from_node, u.to_node, u.kind, 'influence', 0
       from unnest($1::uuid[], $2::uuid[], $3::text[]) as u (from_node, to_node, kind)`,
      [page.map(([one]) => keyOf(one)), page.map(([, other]) => keyOf(other)), page.map(([, , kind]) => kind)],
    );
  }
  return { edges: kept.length };
}

function findBase(edges: readonly Edge[], wanted: number): { id: string; reached: number } {
  const below = new Map<string, string[]>();
  for (const [from, to] of edges) below.set(from, [...(below.get(from) ?? []), to]);
  let best = { id: '', reached: 0 };
  for (let base = 0; base < BASES; base += 1) {
    const id = artifact(`base ${base}`);
    const reached = new Set([id]);
    for (const node of reached) for (const next of below.get(node) ?? []) reached.add(next);
    if (Math.abs(reached.size - wanted) < Math.abs(best.reached - wanted)) best = { id, reached: reached.size };
  }
  return best;
}

/** As the service makes the key of a node from its id. */
export function keyOf(id: string): string {
  const hex = createHash('sha256').update(`runseal.node.v1\n${id}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

const digests = new Map<string, string>();
function artifact(name: string): string {
  let digest = digests.get(name);
  if (!digest) digests.set(name, (digest = `sha256:${createHash('sha256').update(name).digest('hex')}`));
  return digest;
}

const runIds = new Map<number, string>();
function runIdOf(run: number): string {
  let id = runIds.get(run);
  if (!id) runIds.set(run, (id = randomUUID()));
  return id;
}

const KINDS: Readonly<Record<string, string>> = {
  sha256: 'artifact',
  run: 'run',
  git: 'commit',
  model: 'model_version',
};
const kindOf = (id: string): string => KINDS[id.slice(0, id.indexOf(':'))] ?? 'artifact';

/** The same numbers every time. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
