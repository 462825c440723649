import type { Connection } from '@runseal/postgres';
import { insertNewRows, insertRows, upsertRows, type ProjectedRecord, type Projection } from '@runseal/projections';
import { runOfEvent, type LoggedRow, type RunEvent } from '@runseal/rules';
import { GraphBatch } from './graph-batch.js';
import { JudgementBatch } from './judgement-batch.js';
import { chunksOf, type KeySet } from './metric-chunks.js';
import { ObservedBatch } from './observed-batch.js';
import { linkArtifact, linkRunRecord } from './project-run.js';
import { KnownRows } from './row-marks.js';
import { evolveDocument, newRunDocument, runRowOf, type RunDocument } from './run-document.js';
import { metricChunks, metricKeySets, runDocuments, runKeySets, runs } from './tables.js';
import type { RowOf } from '@runseal/projections';

/** Run state, metric rows and the graph, folded from the ledger. Rows are the same whatever the batches were. */
export const lineageProjection: Projection = {
  service: 'lineage',
  version: 1,
  ddl: new URL('../lineage-v1.sql', import.meta.url),
  apply: async (records, connection) => {
    const documents = await readDocuments(connection, runsOf(records));
    const known = new KnownRows(records.filter(isMetrics), (run) => (documents.get(run) ?? newRunDocument()).marks);
    await known.load(connection);
    const graph = new GraphBatch();
    const judgements = new JudgementBatch(graph);
    const metrics = new MetricsBatch();
    const observed = new ObservedBatch();
    for (const record of records) {
      const run = runOfEvent(record);
      observed.take(record);
      if (record.type === 'artifact.registered') linkArtifact(graph, record);
      else if (record.type === 'artifact.assessed') graph.node(record.stream.slice('artifact/'.length), record.seq);
      else if (record.stream.startsWith('model/')) judgements.addModelRecord(record);
      if (run === null) continue;
      const before = documents.get(run) ?? newRunDocument();
      const rows = isMetrics(record) ? known.take(record, before.marks) : null;
      const after = evolveDocument(before, record, rows);
      documents.set(run, after);
      if (!record.stream.startsWith('run/')) continue;
      if (rows && isMetrics(record)) metrics.add(run, record, rows.kept);
      else judgements.addRunRecord(record, run, before.facts);
      linkRunRecord(graph, record, { run, before, after });
    }
    await writeDocuments(connection, documents);
    await metrics.write(connection);
    await judgements.write(connection);
    await observed.write(connection);
    await graph.write(connection);
    return records.length;
  },
};

type MetricsRecord = ProjectedRecord<'run.metrics-logged'> & {
  readonly payload: NonNullable<ProjectedRecord<'run.metrics-logged'>['payload']>;
};

/** Metric rows that are there: of pruned ones only the record is. */
const isMetrics = (record: ProjectedRecord): record is MetricsRecord =>
  record.type === 'run.metrics-logged' && record.payload !== null;

function runsOf(records: readonly ProjectedRecord[]): string[] {
  const found = new Set<string>();
  for (const record of records) {
    const run = runOfEvent(record as Pick<RunEvent, 'stream' | 'type' | 'payload'>);
    if (run !== null) found.add(run);
  }
  return [...found];
}

async function readDocuments(connection: Connection, wanted: readonly string[]): Promise<Map<string, RunDocument>> {
  if (wanted.length === 0) return new Map();
  const result = await connection.query<{ run: string; document: string }>({
    name: 'read-run-documents',
    text: 'select run, document from run_documents where run = any ($1::uuid[])',
    values: [wanted],
  });
  return new Map(result.rows.map(({ run, document }) => [run, JSON.parse(document) as RunDocument]));
}

async function writeDocuments(connection: Connection, documents: ReadonlyMap<string, RunDocument>): Promise<void> {
  const all = [...documents];
  await upsertRows(
    connection,
    runDocuments,
    all.map(([run, document]) => ({ run, document: JSON.stringify(document) })),
  );
  await upsertRows(
    connection,
    runs,
    all.map(([run, document]) => runRowOf(run, document)).filter((row) => row !== null),
  );
}

class MetricsBatch {
  private readonly chunks: RowOf<typeof metricChunks>[] = [];
  private readonly keySets = new Map<string, KeySet>();
  private readonly runKeySets = new Map<string, RowOf<typeof runKeySets>>();

  add(run: string, { seq, payload }: MetricsRecord, rows: readonly LoggedRow[]): void {
    const { attempt } = payload;
    for (const { keySet, kind, ...columns } of chunksOf(rows)) {
      this.chunks.push({ run, seq, attempt, kind, key_set: keySet.id, ...columns });
      const name = `${run} ${kind} ${keySet.id}`;
      if (this.runKeySets.has(name)) continue;
      this.runKeySets.set(name, { run, kind, key_set: keySet.id, first_seq: seq });
      this.keySets.set(keySet.id, keySet);
    }
  }

  async write(connection: Connection): Promise<void> {
    const keySets = [...this.keySets.values()].map(({ id, keys }) => ({ key_set: id, keys: JSON.stringify(keys) }));
    await insertNewRows(connection, metricKeySets, keySets);
    await insertNewRows(connection, runKeySets, [...this.runKeySets.values()]);
    await insertRows(connection, metricChunks, this.chunks);
  }
}
