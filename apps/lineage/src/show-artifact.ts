import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { EventPayload } from '@runseal/contracts';
import type { Pool } from '@runseal/postgres';
import type { AsOf } from '@runseal/runtime';
import type { ArtifactAnswer, RunOfArtifact } from './graph-answers.js';
import { Lineage } from './lineage.js';
import { findMoment } from './moment.js';
import type { AssessmentAnswer } from './observed-answers.js';
import { findNodes } from './walk-graph.js';

export class ShowArtifact {
  constructor(
    /** A digest, any other node's id, or an alias. */
    readonly artifact: string,
    readonly asOf?: AsOf,
  ) {}
}

const ROWS_MAX = 1_000;
const FILES_MAX = 4_000;

@QueryHandler(ShowArtifact)
export class ShowArtifactHandler implements IQueryHandler<ShowArtifact, ArtifactAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ artifact, asOf }: ShowArtifact): Promise<ArtifactAnswer> {
    const { pool } = this.lineage;
    const seq = await findMoment(this.lineage, asOf);
    const [found] = await findNodes(pool, artifact, seq);
    if (!found) throw new Error('findNodes returned nothing.');
    const { node, id, kind, first_seq } = found;
    const sightings = await findSightings(pool, node, seq);
    const first = <Name extends 'kind' | 'name' | 'form' | 'size_bytes'>(name: Name) =>
      sightings.find((sighting) => sighting[name] !== null)?.[name] ?? null;
    const files = await findFiles(pool, node, seq);
    const runs = await findRuns(pool, node, seq);
    return {
      id,
      digest: kind === 'artifact' ? id : null,
      form: first('form') ?? (files.length > 0 ? 'folder' : null),
      kind: first('kind'),
      name: first('name'),
      size_bytes: first('size_bytes'),
      first_seq,
      seen: sightings.map(({ location, name, run: run_id, seq: at }) => ({ location, name, run_id, seq: at })),
      aliases: await findAliases(pool, node, seq),
      files: files.length > 0 ? files : null,
      part_of: await findFolders(pool, node, seq),
      made_by: runs.filter(({ isMade }) => isMade).map(({ isMade: _, ...run }) => run),
      used_by: runs.filter(({ isMade }) => !isMade).map(({ isMade: _, ...run }) => run),
      model_versions: await findVersions(pool, node, seq),
      assessment: await findAssessment(pool, node, seq),
    };
  }
}

interface SightingRow {
  readonly kind: string | null;
  readonly name: string | null;
  readonly location: string | null;
  readonly form: 'file' | 'folder' | null;
  readonly size_bytes: number | null;
  readonly run: string | null;
  readonly seq: number;
}

async function findSightings(pool: Pool, node: string, asOf: number): Promise<SightingRow[]> {
  const result = await pool.query<SightingRow>({
    name: 'sightings',
    text: `
select s.kind, s.name, s.location, s.form, s.size_bytes, s.run, s.seq
from sightings s
where s.node = $1 and s.seq <= $2
order by s.seq, s.place
limit ${ROWS_MAX}`,
    values: [node, asOf],
  });
  return result.rows;
}

async function findAliases(pool: Pool, node: string, asOf: number): Promise<{ alias: string; seq: number }[]> {
  const result = await pool.query<{ alias: string; seq: number }>({
    name: 'aliases',
    text: `
select a.alias, a.since_seq as seq
from aliases a
where a.node = $1 and a.since_seq <= $2
order by a.since_seq, a.alias
limit ${ROWS_MAX}`,
    values: [node, asOf],
  });
  return result.rows;
}

type FileRow = NonNullable<ArtifactAnswer['files']>[number];

async function findFiles(pool: Pool, node: string, asOf: number): Promise<FileRow[]> {
  const result = await pool.query<FileRow>({
    name: 'files',
    text: `
select f.path, f.digest, f.size_bytes
from folder_files f
where f.folder = $1 and f.since_seq <= $2
order by f.path
limit ${FILES_MAX}`,
    values: [node, asOf],
  });
  return result.rows;
}

async function findFolders(pool: Pool, node: string, asOf: number): Promise<{ digest: string; path: string }[]> {
  const result = await pool.query<{ digest: string; path: string }>({
    name: 'folders',
    text: `
select n.id as digest, f.path
from folder_files f
join nodes n on n.node = f.folder
where f.file = $1 and f.since_seq <= $2
order by f.since_seq, f.path
limit ${ROWS_MAX}`,
    values: [node, asOf],
  });
  return result.rows;
}

/** Runs that made or took in the content, or a folder that it is a file of. */
async function findRuns(pool: Pool, node: string, asOf: number): Promise<(RunOfArtifact & { isMade: boolean })[]> {
  const result = await pool.query<RunOfArtifact & { isMade: boolean; kind: string }>({
    name: 'runs-of-artifact',
    text: `
with content as (
  select $1::uuid as node, null::text as through
  union
  select f.folder, n.id
  from folder_files f
  join nodes n on n.node = f.folder
  where f.file = $1 and f.since_seq <= $2
),
links as (
  select e.from_node as run, c.node as content, c.through, e.kind, e.since_seq, true as is_made
  from content c
  join edges e on e.to_node = c.node and e.class = 'influence' and e.kind = 'produced'
  where e.since_seq <= $2 and (e.until_seq is null or e.until_seq > $2)
  union all
  select e.to_node, c.node, c.through, e.kind, e.since_seq, false
  from content c
  join edges e on e.from_node = c.node and e.class in ('influence', 'governance') and e.kind not in ('same_as', 'contains')
  where e.since_seq <= $2 and (e.until_seq is null or e.until_seq > $2)
)
select r.run as run_id, r.name, r.state, l.kind, l.through, l.since_seq as seq, l.is_made as "isMade",
  coalesce((select s.kind from sightings s where s.node = l.content and s.run = r.run and s.kind is not null and s.seq <= $2
    order by s.seq, s.place limit 1), l.kind) as role,
  (select v.overall from verdicts v where v.run = r.run and v.since_seq <= $2 and (v.until_seq is null or v.until_seq > $2)
    order by v.since_seq desc limit 1) as overall
from links l
join nodes n on n.node = l.run
join runs r on r.run = case when n.kind = 'run' then substring(n.id from 5)::uuid end
order by l.since_seq, r.run
limit ${ROWS_MAX}`,
    values: [node, asOf],
  });
  return result.rows.map(({ run_id, name, state, overall, role, kind, through, seq, isMade }) => ({
    ...{ run_id, name, state, overall },
    // What data was to the run says more than that it was data.
    role: DATA_ROLES[kind] ?? role,
    ...{ through, seq, isMade },
  }));
}

const DATA_ROLES: Readonly<Record<string, string>> = { trained_on: 'train', validated_on: 'eval', tested_on: 'test' };

type VersionRow = ArtifactAnswer['model_versions'][number];

async function findVersions(pool: Pool, node: string, asOf: number): Promise<VersionRow[]> {
  const result = await pool.query<VersionRow>({
    name: 'versions-of-artifact',
    text: `
select v.model as name, v.version, coalesce(s.stage, 'None') as stage, v.since_seq as seq,
  coalesce((
    select json_agg(json_build_object('by', a.actor, 'seq', a.since_seq) order by a.since_seq)
    from model_approvals a
    where a.model = v.model and a.version = v.version and a.is_given and a.since_seq <= $2
  ), '[]') as approvals
from model_versions v
left join lateral (
  select s.stage
  from model_stages s
  where s.model = v.model and s.version = v.version and s.since_seq <= $2 and (s.until_seq is null or s.until_seq > $2)
  order by s.since_seq desc
  limit 1
) s on true
where v.since_seq <= $2
  and (v.artifact = $1 or v.artifact in (select f.folder from folder_files f where f.file = $1 and f.since_seq <= $2))
order by v.since_seq
limit ${ROWS_MAX}`,
    values: [node, asOf],
  });
  return result.rows;
}

type Said = Omit<EventPayload<'artifact.assessed'>, 'run'>;

async function findAssessment(pool: Pool, node: string, asOf: number): Promise<AssessmentAnswer | null> {
  const result = await pool.query<{ document: string; actor: string; run: string | null; seq: number }>({
    name: 'assessment',
    text: `
select a.document, a.actor, a.run, a.seq
from assessments a
where a.node = $1 and a.seq <= $2
order by a.seq desc
limit 1`,
    values: [node, asOf],
  });
  const [row] = result.rows;
  if (!row) return null;
  const { kind, profile, tensors_finite, assessor, asserted } = JSON.parse(row.document) as Said;
  return { kind, profile, tensors_finite, assessor, by: row.actor, run_id: row.run, asserted, seq: row.seq };
}
