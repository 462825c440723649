import { insertNewRows, insertRows, type RowOf } from '@runseal/projections';
import type { Connection } from '@runseal/postgres';
import { CLASS_OF, type Link, type LinkKind } from './links.js';
import { keyOf, kindOf } from './nodes.js';
import { aliases, edges, folderFiles, nodes, sightings } from './tables.js';

type Mutable<Row> = { -readonly [Name in keyof Row]: Row[Name] };
type EdgeRow = Mutable<RowOf<typeof edges>>;

interface Change {
  readonly link: Link;
  readonly seq: number;
  readonly isOpen: boolean;
}

/** Where and as what content was seen. */
export interface Sighting {
  readonly source: 'registered' | 'input' | 'output' | 'checkpoint';
  readonly kind: string | null;
  readonly name: string | null;
  readonly location: string | null;
  readonly form: 'file' | 'folder' | null;
  readonly size_bytes: number | null;
  readonly run: string | null;
}

export interface ListedFile {
  readonly path: string;
  readonly digest: string | null;
  readonly size_bytes: number | null;
}

/** What the records of one batch change in the graph, in order of seq, written at once. */
export class GraphBatch {
  private readonly nodes = new Map<string, RowOf<typeof nodes>>();
  private readonly aliases: RowOf<typeof aliases>[] = [];
  private readonly changes: Change[] = [];
  private readonly sightings: RowOf<typeof sightings>[] = [];
  private readonly files: RowOf<typeof folderFiles>[] = [];

  /** The key of a node, which is there from this record on. */
  node(id: string, seq: number): string {
    const known = this.nodes.get(id);
    if (known && (known.first_seq as number) <= seq) return known.node as string;
    const node = known ? (known.node as string) : keyOf(id);
    this.nodes.set(id, { node, id, kind: kindOf(id), first_seq: seq });
    return node;
  }

  /** An edge that is there already stays the older one. */
  link(link: Link, seq: number): void {
    this.changes.push({ link, seq, isOpen: true });
  }

  /** Takes an edge back; it stays in answers as of an earlier seq. */
  unlink(link: Link, seq: number): void {
    this.changes.push({ link, seq, isOpen: false });
  }

  alias(alias: string, id: string, seq: number): void {
    this.aliases.push({ alias, node: this.node(id, seq), since_seq: seq });
  }

  sight(id: string, sighting: Sighting, seq: number): void {
    const node = this.node(id, seq);
    const place = this.sightings.filter((row) => row.seq === seq && row.node === node).length;
    this.sightings.push({ node, seq, place, ...sighting });
  }

  listFiles(folderId: string, files: readonly ListedFile[], seq: number): void {
    const folder = this.node(folderId, seq);
    for (const { path, digest, size_bytes } of files) {
      if (digest === null) continue;
      this.files.push({ folder, file: this.node(digest, seq), path, digest, size_bytes, since_seq: seq });
    }
  }

  async write(connection: Connection): Promise<void> {
    const { opened, closed } = await this.settle(connection);
    await insertNewRows(connection, nodes, [...this.nodes.values()]);
    await insertNewRows(connection, aliases, this.aliases);
    await insertNewRows(connection, sightings, this.sightings);
    await insertNewRows(connection, folderFiles, this.files);
    if (closed.length > 0) await close(connection, closed);
    await insertRows(connection, edges, opened);
    await this.openFolders(connection, opened);
  }

  /** Plays the changes on the edges that are open now. */
  private async settle(connection: Connection): Promise<{ opened: EdgeRow[]; closed: EdgeRow[] }> {
    const played = this.changes.map((change) => {
      const { from, to, kind } = change.link;
      const row = {
        from_node: this.node(from, change.seq),
        to_node: this.node(to, change.seq),
        kind,
        class: CLASS_OF[kind],
      };
      return { ...change, row };
    });
    const open = await findOpen(
      connection,
      played.map(({ row }) => row),
    );
    const opened: EdgeRow[] = [];
    const closed: EdgeRow[] = [];
    const isNew = new Set<EdgeRow>();
    for (const { row, seq, isOpen } of played) {
      const name = edgeName(row);
      const present = open.get(name);
      if (isOpen && !present) {
        const edge = { ...row, since_seq: seq, until_seq: null };
        opened.push(edge);
        isNew.add(edge);
        open.set(name, edge);
      } else if (!isOpen && present) {
        present.until_seq = seq;
        if (!isNew.has(present)) closed.push(present);
        open.delete(name);
      }
    }
    return { opened, closed };
  }

  /**
   * A folder leads to those of its files that some run took in, and to no others: the files that many folders have alike would
   * tie everything to everything. The later of the two records makes the edge, whichever that is.
   */
  private async openFolders(connection: Connection, opened: readonly EdgeRow[]): Promise<void> {
    const taken = [...new Set(opened.map(({ from_node }) => from_node as string))];
    const folders = [...new Set(this.files.map(({ folder }) => folder as string))];
    if (taken.length === 0 && folders.length === 0) return;
    await connection.query({
      name: 'open-folders',
      text: `
insert into edges (from_node, to_node, kind, class, since_seq)
select f.folder, f.file, 'contains', '${CLASS_OF.contains}', greatest(min(f.since_seq), min(e.since_seq))
from folder_files f
join edges e on e.from_node = f.file and e.class = 'influence' and e.kind = any ($3::text[])
where (f.file = any ($1::uuid[]) or f.folder = any ($2::uuid[]))
  and not exists (
    select from edges p
    where p.from_node = f.folder and p.class = 'influence' and p.to_node = f.file and p.kind = 'contains'
  )
group by f.folder, f.file`,
      values: [taken, folders, TAKES],
    });
  }
}

/** Edges from content to a run that took it in. */
const TAKES: readonly LinkKind[] = [
  'initialised_from',
  'trained_on',
  'validated_on',
  'used',
  'configured_by',
  'built_from',
];

const edgeName = ({ from_node, to_node, kind }: Pick<EdgeRow, 'from_node' | 'to_node' | 'kind'>): string =>
  `${from_node} ${to_node} ${kind}`;

type EdgeKey = Pick<EdgeRow, 'from_node' | 'to_node' | 'kind' | 'class'>;

async function findOpen(connection: Connection, keys: readonly EdgeKey[]): Promise<Map<string, EdgeRow>> {
  if (keys.length === 0) return new Map();
  const result = await connection.query<EdgeRow>({
    name: 'open-edges',
    text: `
select distinct e.from_node, e.to_node, e.kind, e.class, e.since_seq, e.until_seq
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) as k (from_node, class, to_node, kind)
join edges e on e.from_node = k.from_node and e.class = k.class and e.to_node = k.to_node and e.kind = k.kind
where e.until_seq is null`,
    values: [
      keys.map(({ from_node }) => from_node),
      keys.map((key) => key.class),
      keys.map(({ to_node }) => to_node),
      keys.map(({ kind }) => kind),
    ],
  });
  return new Map(result.rows.map((row) => [edgeName(row), row]));
}

async function close(connection: Connection, closed: readonly EdgeRow[]): Promise<void> {
  await connection.query({
    name: 'close-edges',
    text: `
update edges e
set until_seq = k.until_seq
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[])
  as k (from_node, class, to_node, kind, since_seq, until_seq)
where e.from_node = k.from_node and e.class = k.class and e.to_node = k.to_node and e.kind = k.kind
  and e.since_seq = k.since_seq`,
    values: [
      closed.map(({ from_node }) => from_node),
      closed.map((row) => row.class),
      closed.map(({ to_node }) => to_node),
      closed.map(({ kind }) => kind),
      closed.map(({ since_seq }) => since_seq),
      closed.map(({ until_seq }) => until_seq),
    ],
  });
}
