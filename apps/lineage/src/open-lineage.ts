import { LedgerFeed, ledgerMigrations, LedgerRecordSource } from '@runseal/ledger';
import { KafkaFeed, type KafkaOptions } from '@runseal/messaging';
import { checkSchema, openPool, readMigrations, waitForDatabase, type Migration } from '@runseal/postgres';
import { ObservedReader, Projector, schemaOf } from '@runseal/projections';
import { accessMigrations } from '@runseal/runtime';
import { Lineage } from './lineage.js';
import { LiveRuns } from './live-runs.js';
import { lineageProjection } from './projection.js';

export interface LineageSettings {
  /** As the role runseal_lineage. */
  readonly databaseUrl: string;
  readonly ledger: string;
  /** Null: the ledger itself is followed. */
  readonly kafka: KafkaOptions | null;
}

const STATEMENT_LIMIT_MS = 30_000;

/** The schemas that this service needs, in the order in which they are made. */
export async function lineageMigrations(): Promise<Migration[]> {
  const own = await readMigrations('lineage', new URL('../sql/', import.meta.url));
  return [...(await ledgerMigrations()), ...(await accessMigrations()), ...own];
}

/** Opens everything that the service works with, makes its tables where there are none, and starts to read. */
export async function openLineage({ databaseUrl: url, ledger, kafka }: LineageSettings): Promise<Lineage> {
  const pool = openPool({
    url,
    applicationName: 'runseal-lineage-query',
    connectionsMax: 8,
    statementTimeout_ms: STATEMENT_LIMIT_MS,
    searchPath: schemaOf(lineageProjection),
  });
  // Apart, so that queries never keep the projector waiting for a connection.
  const projecting = openPool({ url, applicationName: 'runseal-lineage-project', connectionsMax: 4 });
  const close = () => Promise.all([pool.end(), projecting.end()]);
  try {
    await waitForDatabase(projecting);
    await checkSchema(projecting, await lineageMigrations());
    const projector = new Projector({ pool: projecting, projection: lineageProjection, ledger });
    await projector.prepare();
    const source = new LedgerRecordSource(projecting);
    const feed = kafka ? new KafkaFeed({ ...kafka, source }) : new LedgerFeed({ pool: projecting, url });
    const reading = await feed.start(projector);
    return new Lineage({
      ledger,
      pool,
      source,
      reader: new ObservedReader({ name: 'lineage', projector, source, state: () => reading.state() }),
      live: new LiveRuns({ ledger, pool }),
      close: async () => {
        await reading.stop();
        await close();
      },
    });
  } catch (error) {
    await close();
    throw error;
  }
}
