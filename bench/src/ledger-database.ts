import { readFile } from 'node:fs/promises';
import { canonicalJson, toUtf8 } from '@runseal/chain';
import { sealBatch, type Anchor, type EventToSeal, type SealRequest } from '@runseal/ledger';
import { ingestMigrations } from '@runseal/ingest';
import { migrate, openDirectConnection, openPool, type Pool } from '@runseal/postgres';
import { TestServer, urlAs } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';

export const ACTOR = 'p_abcdefghijklmnopqrstuvwxyz';
const PASSWORD = 'bench';

export interface LedgerDatabase {
  readonly server: TestServer;
  readonly superuserUrl: string;
  readonly ingestUrl: string;
  readonly maintenanceUrl: string;
  close(): Promise<void>;
}

/** A throw-away Postgres 18 with the schemas in place and passwords set. */
export async function createLedgerDatabase(): Promise<LedgerDatabase> {
  const server = await TestServer.start(18, { shared_buffers: '256MB', max_wal_size: '4GB' });
  const superuserUrl = await server.createDatabase();
  await migrate(superuserUrl, await ingestMigrations());
  await asSuperuser(superuserUrl, `alter role runseal_ingest password '${PASSWORD}'`);
  await asSuperuser(superuserUrl, `alter role runseal_maintenance password '${PASSWORD}'`);
  return {
    server,
    superuserUrl,
    ingestUrl: urlAs(superuserUrl, 'runseal_ingest', PASSWORD),
    maintenanceUrl: urlAs(superuserUrl, 'runseal_maintenance', PASSWORD),
    close: () => server.remove(),
  };
}

export async function asSuperuser(url: string, sql: string): Promise<void> {
  const connection = await openDirectConnection(url, 'runseal-bench');
  await connection.query(sql);
  await connection.end();
}

export const readSql = (name: string): Promise<string> => readFile(new URL(`../sql/${name}`, import.meta.url), 'utf8');

/** Opens the ledger `default` and returns the anchor of its first record. */
export async function openBenchLedger(database: LedgerDatabase): Promise<Anchor> {
  const pool = openPool({ url: database.maintenanceUrl, applicationName: 'runseal-bench', connectionsMax: 1 });
  await pool.query(`select ledger.create_ledger('default')`);
  const event: EventToSeal = {
    ...metricsEvent(0, 2),
    type: 'ledger.opened',
    class: 'permanent',
    stream: 'ledger/default',
  };
  const opened = { ...event, payload: toUtf8('{"epoch":0}') };
  const [outcome] = await sealBatch(pool, 'default', null, {
    requests: [{ actor: ACTOR, events: [opened] }],
    sealedAt: new Date(),
  });
  await pool.end();
  const receipt = outcome && 'receipts' in outcome ? outcome.receipts[0] : undefined;
  if (!receipt) throw new Error('the ledger could not be opened');
  return receipt;
}

/** An event of metrics with a canonical payload of about `payloadBytes`, one of five runs. */
export function metricsEvent(number: number, payloadBytes: number): EventToSeal {
  return {
    id: uuidv7(),
    type: 'run.metrics-logged',
    version: 1,
    class: 'metrics',
    stream: `run/00000000-0000-4000-8000-00000000000${number % 5}`,
    occurred_at: '2026-11-24T10:00:00.000Z',
    producer: { client: 'runseal-js/0.1.0', id: '6f1c2f57-3c1e-4a53-9a53-0f5f3a1d9b10', seq: number },
    payload: toUtf8(canonicalJson({ rows: 'x'.repeat(Math.max(0, payloadBytes - 11)) })),
  };
}

export const requestOf = (count: number, payloadBytes: number): SealRequest => ({
  actor: ACTOR,
  events: Array.from({ length: count }, (_, number) => metricsEvent(number, payloadBytes)),
});

/** Work on a queue by so many at once; returns the seconds that all of it took. */
export async function timeAtOnce(
  workers: number,
  jobs: readonly ((worker: number) => Promise<unknown>)[],
): Promise<number> {
  const queue = [...jobs];
  const started = performance.now();
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      for (let job = queue.shift(); job; job = queue.shift()) await job(worker);
    }),
  );
  return (performance.now() - started) / 1_000;
}

export type { Pool };
