import { ledgerMigrations } from '@runseal/ledger';
import { migrate, openPool, readMigrations, type Pool } from '@runseal/postgres';
import { digestTables, Projector, schemaOf, type ProjectorOptions } from '@runseal/projections';
import { accessMigrations } from '@runseal/runtime';
import { urlAs, type TestServer } from '@runseal/testing';
import type { MemoryLedger } from './memory-ledger.fixture.js';
import { lineageProjection } from './projection.js';

export const PASSWORD = 'only-for-tests';
export const SCHEMA = schemaOf(lineageProjection);

/** A migrated database, and the service's own role in it. */
export class LineageDatabase {
  readonly lineageUrl: string;
  /** As the service's role, its queries in the schema in use. */
  readonly pool: Pool;

  private constructor(
    readonly url: string,
    readonly superuser: Pool,
  ) {
    this.lineageUrl = urlAs(url, 'runseal_lineage', PASSWORD);
    this.pool = openPool({ url: this.lineageUrl, applicationName: 'test-lineage', searchPath: SCHEMA });
  }

  static async open(server: TestServer): Promise<LineageDatabase> {
    const url = await server.createDatabase();
    const own = await readMigrations('lineage', new URL('../sql/', import.meta.url));
    await migrate(url, [...(await ledgerMigrations()), ...(await accessMigrations()), ...own]);
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    for (const role of ['lineage', 'ingest', 'maintenance', 'gates', 'registry']) {
      await superuser.query(`alter role runseal_${role} password '${PASSWORD}'`);
    }
    return new LineageDatabase(url, superuser);
  }

  /** Projects what the ledger holds, in batches of so many records, and returns the digest of all tables. */
  async project(ledger: MemoryLedger, recordsMax = 500): Promise<Projector> {
    const projector = await this.projector({ recordsMax });
    const from = ((await projector.findPosition())?.seq ?? -1) + 1;
    await projector.apply(ledger.records.slice(from));
    return projector;
  }

  async projector(more: Partial<ProjectorOptions> = {}): Promise<Projector> {
    const projector = new Projector({ pool: this.pool, projection: lineageProjection, ledger: 'default', ...more });
    await projector.prepare();
    await projector.findPosition();
    return projector;
  }

  digest() {
    return digestTables(this.pool, SCHEMA);
  }

  /** Without tables, as before the first start. */
  async clear(): Promise<void> {
    await this.superuser.query(`drop schema ${SCHEMA} cascade`);
    await this.superuser.query(`create schema ${SCHEMA}; grant usage, create on schema ${SCHEMA} to runseal_lineage`);
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.superuser.end();
  }
}
