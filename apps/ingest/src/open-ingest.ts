import {
  checkSchema,
  openDirectConnection,
  openPool,
  readMigrations,
  waitForDatabase,
  type Migration,
  type Pool,
} from '@runseal/postgres';
import {
  DirectoryHeadStore,
  findDurabilityFaults,
  HeadSigner,
  isBehindPooler,
  ledgerMigrations,
  type SigningIdentity,
} from '@runseal/ledger';
import type { KafkaPublisherOptions } from '@runseal/messaging';
import { accessMigrations, type ServiceLog } from '@runseal/runtime';
import { Door } from './door.js';
import { Ingest } from './ingest.js';
import { Leader } from './leader.js';
import { PostgresTileStore } from './postgres-tile-store.js';
import { PublishedHead } from './published-head.js';
import { Relay } from './relay.js';
import { SigningLoop } from './signing-loop.js';
import { SubmitEvents } from './submit-events.js';
import { TileRepair } from './tile-repair.js';

export interface IngestSettings {
  /** As the role runseal_ingest. */
  readonly databaseUrl: string;
  /** As the role runseal_maintenance. */
  readonly maintenanceDatabaseUrl: string;
  readonly identity: SigningIdentity;
  readonly headsFolder: string;
  readonly scansForSecrets: boolean;
  /** Where sealed records are relayed to; none where the readers are in this process. */
  readonly kafka?: KafkaPublisherOptions | null;
}

/** In whose name the ledger's own events are sealed. The same in every installation: 26 letters of base32. */
const MAINTENANCE_PRINCIPAL = 'p_runsealmaintenanceofledger';
const STATEMENT_LIMIT_MS = 30_000;

/** The schemas that this service needs, in the order in which they are made. */
export async function ingestMigrations(): Promise<Migration[]> {
  const own = await readMigrations('ingest', new URL('../sql/', import.meta.url));
  return [...(await ledgerMigrations()), ...(await accessMigrations()), ...own];
}

/**
 * Opens everything that the service works with: checks schema, durability and connection, opens the ledger, starts signing.
 * Rejects where the configuration is wrong; where only the ledger cannot be opened yet, the door says so and tries again.
 */
export async function openIngest(settings: IngestSettings, log: ServiceLog): Promise<Ingest> {
  const { identity } = settings;
  const { ledger } = identity;
  const pool = (name: string, url: string, connectionsMax: number) =>
    openPool({
      url,
      applicationName: `runseal-ingest-${name}`,
      connectionsMax,
      statementTimeout_ms: STATEMENT_LIMIT_MS,
    });
  const reading = pool('read', settings.databaseUrl, 6);
  // Apart, so that slow readers never keep a seal waiting for a connection.
  const sealing = pool('seal', settings.databaseUrl, 2);
  const signing = pool('sign', settings.databaseUrl, 2);
  const maintenancePool = pool('maintenance', settings.maintenanceDatabaseUrl, 1);
  const pools = [reading, sealing, signing, maintenancePool];
  try {
    await checkDatabase(reading, settings.databaseUrl);
  } catch (error) {
    await Promise.all(pools.map((open) => open.end()));
    throw error;
  }
  const store = new DirectoryHeadStore(settings.headsFolder);
  const tiles = new PostgresTileStore(signing, ledger);
  const signer = new HeadSigner({ pool: signing, store, tiles, identity });
  const door = new Door({
    opening: { maintenancePool, store, signer, identity, actor: MAINTENANCE_PRINCIPAL },
    pool: sealing,
    ledger,
    onState: (trouble) => {
      if (trouble) log.error({ security: true, err: trouble }, 'the ledger is closed: nothing is sealed');
      else log.info({ ledger }, 'the ledger is open');
    },
  });
  await door.open();
  const relay = settings.kafka ? new Relay({ ...settings, kafka: settings.kafka, ledger }, log) : null;
  relay?.start();
  const loop = new SigningLoop({
    signer: new HeadSigner({ pool: signing, store, tiles, identity }),
    leader: new Leader(settings.databaseUrl, `runseal-signer ${ledger}`),
    isOpen: () => door.isOpen,
    onHead: (head) => {
      log.info({ ledger, epoch: head.epoch, number: head.number }, 'head published');
      void relay?.publishHead(head);
    },
    onTrouble: (trouble) => {
      if (trouble) log.error({ security: true, err: trouble }, 'no head can be published');
      else log.info({ ledger }, 'heads are published again');
    },
  });
  loop.start();
  return new Ingest({
    identity,
    pool: reading,
    store,
    tiles: new PostgresTileStore(reading, ledger),
    tileRepair: new TileRepair(new HeadSigner({ pool: signing, store, tiles, identity })),
    door,
    relay,
    head: new PublishedHead(store, identity),
    submitEvents: new SubmitEvents(door, { scansForSecrets: settings.scansForSecrets }),
    close: async () => {
      door.close();
      await Promise.all([loop.stop(), relay?.stop()]);
      await Promise.all(pools.map((open) => open.end()));
    },
  });
}

async function checkDatabase(pool: Pool, url: string): Promise<void> {
  await waitForDatabase(pool);
  await checkSchema(pool, await ingestMigrations());
  const faults = await findDurabilityFaults(pool);
  if (faults.length > 0) {
    const words = faults.map(({ setting, found, wanted }) => `${setting} is ${found}, wanted ${wanted}`).join('; ');
    throw new Error(`Postgres would lose acknowledged records in a crash: ${words}. Change its configuration.`);
  }
  const connection = await openDirectConnection(url, 'runseal-ingest-start');
  try {
    if (await isBehindPooler(connection)) {
      throw new Error(
        'DATABASE_URL leads through a connection pooler. Session locks need a direct connection to Postgres.',
      );
    }
  } finally {
    await connection.end();
  }
}
