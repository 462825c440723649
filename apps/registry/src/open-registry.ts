import { DirectoryHeadStore, ledgerMigrations, LedgerFeed, LedgerRecordSource, SealingDoor } from '@runseal/ledger';
import { KafkaFeed, type KafkaOptions } from '@runseal/messaging';
import { checkSchema, openPool, readMigrations, waitForDatabase, type Migration } from '@runseal/postgres';
import { ObservedReader, Projector, schemaOf } from '@runseal/projections';
import { accessMigrations, type ServiceLog } from '@runseal/runtime';
import { DueSealer } from './due-sealer.js';
import { registryProjection } from './projection.js';
import { Registry } from './registry.js';

export interface RegistrySettings {
  /** As the role runseal_registry. */
  readonly databaseUrl: string;
  readonly ledger: string;
  /** The signed heads, which are only read. */
  readonly headsFolder: string;
  /** Null: the ledger itself is followed. */
  readonly kafka: KafkaOptions | null;
}

const STATEMENT_LIMIT_MS = 30_000;

/** The schemas that this service needs, in the order in which they are made. */
export async function registryMigrations(): Promise<Migration[]> {
  const own = await readMigrations('registry', new URL('../sql/', import.meta.url));
  return [...(await ledgerMigrations()), ...(await accessMigrations()), ...own];
}

/**
 * Opens everything that the service works with, and starts to read and to seal what is due. Rejects where the schema is another
 * release's or the tables are another ledger's; where only the ledger cannot be sealed yet, the door says so and tries again.
 */
export async function openRegistry(settings: RegistrySettings, log: ServiceLog): Promise<Registry> {
  const { ledger, databaseUrl, headsFolder, kafka } = settings;
  const open = (name: string, connectionsMax: number) =>
    openPool({
      url: databaseUrl,
      applicationName: `runseal-registry-${name}`,
      connectionsMax,
      statementTimeout_ms: STATEMENT_LIMIT_MS,
      searchPath: schemaOf(registryProjection),
    });
  const pool = open('read', 6);
  // Apart, so that slow queries keep neither a seal nor the projection waiting for a connection.
  const sealing = open('seal', 2);
  const projecting = open('project', 3);
  const pools = [pool, sealing, projecting];
  try {
    await waitForDatabase(pool);
    await checkSchema(pool, await registryMigrations());
    const door = new SealingDoor({
      pool: sealing,
      ledger,
      store: new DirectoryHeadStore(headsFolder),
      onState: (trouble) => {
        if (trouble) log.error({ security: true, err: trouble }, 'nothing can be sealed');
        else log.info({ ledger }, 'the ledger is open');
      },
    });
    const dues = new DueSealer({ pool: projecting, door, log });
    const projector = new Projector({
      pool: projecting,
      projection: registryProjection,
      ledger,
      afterCommit: (position) => dues.sealDues(position),
    });
    await projector.prepare();
    await door.open();
    const source = new LedgerRecordSource(projecting);
    const feed = kafka ? new KafkaFeed({ ...kafka, source }) : new LedgerFeed({ pool: projecting, url: databaseUrl });
    const reading = await feed.start(projector);
    const reader = new ObservedReader({ name: 'registry', projector, source, state: () => reading.state() });
    return new Registry({
      ...{ ledger, pool, door, source, reader },
      close: async () => {
        await reading.stop();
        door.close();
        await Promise.all(pools.map((one) => one.end()));
      },
    });
  } catch (error) {
    await Promise.all(pools.map((one) => one.end()));
    throw error;
  }
}
