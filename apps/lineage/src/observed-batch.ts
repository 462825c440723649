import type { Connection } from '@runseal/postgres';
import { insertNewRows, insertRows, type ProjectedRecord, type RowOf } from '@runseal/projections';
import { keyOf } from './nodes.js';
import { resourceChunksOf } from './resource-chunks.js';
import { assessments, logChunks, resourceChunks, resourceLayouts } from './tables.js';

/** Samples of machines, pieces of logs and assessments in a batch of records. */
export class ObservedBatch {
  private readonly layouts = new Map<string, RowOf<typeof resourceLayouts>>();
  private readonly samples: RowOf<typeof resourceChunks>[] = [];
  private readonly logs: RowOf<typeof logChunks>[] = [];
  private readonly assessments: RowOf<typeof assessments>[] = [];

  take(record: ProjectedRecord): void {
    // Of a pruned record nothing is left that could be shown.
    if (record.payload === null) return;
    const { seq, stream, actor, occurred_at: at } = record;
    const [run, id] = [stream.slice('run/'.length), stream.slice('artifact/'.length)];
    switch (record.type) {
      case 'run.resources-sampled': {
        const { attempt, samples } = record.payload;
        for (const { layout, ...chunk } of resourceChunksOf(samples)) {
          this.layouts.set(layout.id, { layout: layout.id, document: layout.document });
          this.samples.push({ run, seq, attempt, layout: layout.id, ...chunk });
        }
        return;
      }
      case 'run.log-captured':
        this.logs.push({ run, seq, at, ...record.payload });
        return;
      case 'artifact.assessed': {
        const { run: ofRun, ...said } = record.payload;
        this.assessments.push({ node: keyOf(id), seq, run: ofRun, actor, document: JSON.stringify(said) });
        return;
      }
      default:
        return;
    }
  }

  async write(connection: Connection): Promise<void> {
    await insertNewRows(connection, resourceLayouts, [...this.layouts.values()]);
    await insertRows(connection, resourceChunks, this.samples);
    await insertRows(connection, logChunks, this.logs);
    await insertRows(connection, assessments, this.assessments);
  }
}
