import { DirectoryHeadStore, ledgerMigrations, LedgerFeed, LedgerRecordSource, SealingDoor } from '@runseal/ledger';
import { KafkaFeed, type KafkaOptions } from '@runseal/messaging';
import { checkSchema, openPool, readMigrations, waitForDatabase, type Migration } from '@runseal/postgres';
import { ObservedReader, Projector, schemaOf } from '@runseal/projections';
import { accessMigrations, type ServiceLog } from '@runseal/runtime';
import { Decider } from './deciding/decider.js';
import { Gates } from './gates.js';
import { Leases } from './leases.js';
import { gatesProjection } from './projection/projection.js';

export interface GatesSettings {
  /** As the role runseal_gates. */
  readonly databaseUrl: string;
  readonly ledger: string;
  /** The signed heads, which are only read. */
  readonly headsFolder: string;
  /** Null: the ledger itself is followed. */
  readonly kafka: KafkaOptions | null;
  /** What a heartbeat is good for; 30 by default. */
  readonly lease_s?: number;
}

const LEASE_S = 30;
const STATEMENT_LIMIT_MS = 30_000;

/** The schemas that this service needs, in the order in which they are made. */
export async function gatesMigrations(): Promise<Migration[]> {
  const own = await readMigrations('gates', new URL('../sql/', import.meta.url));
  return [...(await ledgerMigrations()), ...(await accessMigrations()), ...own];
}

/**
 * Opens everything that the service works with, and starts to read, to judge and to watch leases. Rejects where the schema is
 * another release's or the tables are another ledger's; where only the ledger cannot be sealed yet, the door says so and tries
 * again.
 */
export async function openGates(settings: GatesSettings, log: ServiceLog): Promise<Gates> {
  const { ledger, databaseUrl, headsFolder, kafka, lease_s = LEASE_S } = settings;
  const open = (name: string, connectionsMax: number) =>
    openPool({
      url: databaseUrl,
      applicationName: `runseal-gates-${name}`,
      connectionsMax,
      statementTimeout_ms: STATEMENT_LIMIT_MS,
      searchPath: schemaOf(gatesProjection),
    });
  const pool = open('query', 6);
  // Apart, so that slow queries keep neither a seal nor the projection waiting for a connection.
  const sealing = open('seal', 2);
  const projecting = open('project', 4);
  const pools = [pool, sealing, projecting];
  try {
    await waitForDatabase(pool);
    await checkSchema(pool, await gatesMigrations());
    const door = new SealingDoor({
      pool: sealing,
      ledger,
      store: new DirectoryHeadStore(headsFolder),
      onState: (trouble) => {
        if (trouble) log.error({ security: true, err: trouble }, 'nothing can be sealed');
        else log.info({ ledger }, 'the ledger is open');
      },
    });
    const follower = new Decider({ pool: projecting, door, ledger, log });
    const projector = new Projector({
      pool: projecting,
      projection: gatesProjection,
      ledger,
      afterCommit: (position) => follower.decideAt(position),
    });
    await projector.prepare();
    await door.open();
    const source = new LedgerRecordSource(projecting);
    const feed = kafka ? new KafkaFeed({ ...kafka, source }) : new LedgerFeed({ pool: projecting, url: databaseUrl });
    const reading = await feed.start(projector);
    const leases = new Leases({ pool, door, ledger, log, lease_s });
    leases.start();
    return new Gates({
      ...{ ledger, pool, door, leases, source, follower },
      // Of its own pool: a request never waits behind the projection.
      decider: new Decider({ pool, door, ledger, log }),
      reader: new ObservedReader({ name: 'gates', projector, source, state: () => reading.state() }),
      close: async () => {
        await leases.stop();
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
