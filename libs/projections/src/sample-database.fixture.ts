import { openPool, type Pool } from '@runseal/postgres';
import type { MemoryLedger } from './memory-ledger.fixture.js';
import { buildSchemaOf, schemaOf } from './projection.js';
import { Projector, type ProjectorOptions } from './projector.js';
import { sampleProjection } from './sample-projection.fixture.js';

const ROLE = 'runseal_sample';

/** A database with the two schemas of the sample, in which its role may make tables, and nothing else. */
export class SampleDatabase {
  private constructor(
    /** As the service's role. */
    readonly url: string,
    readonly superuser: Pool,
    /** As the service's role; queries find the tables in use. */
    readonly pool: Pool,
  ) {}

  /** Makes role and schemas in the database behind a superuser's URL. */
  static async open(url: string): Promise<SampleDatabase> {
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    const known = await superuser.query(`select from pg_roles where rolname = '${ROLE}'`);
    if (known.rowCount === 0) {
      await superuser.query(`create role ${ROLE} login noinherit password '${ROLE}'`);
      await superuser.query(`alter role ${ROLE} set idle_in_transaction_session_timeout = '10s'`);
    }
    const asRole = new URL(url);
    asRole.username = ROLE;
    asRole.password = ROLE;
    const pool = openPool({
      url: asRole.toString(),
      applicationName: 'test-sample',
      searchPath: schemaOf(sampleProjection),
    });
    const database = new SampleDatabase(asRole.toString(), superuser, pool);
    await database.empty();
    return database;
  }

  /** As it was at first: two schemas without a table. */
  async empty(): Promise<void> {
    for (const schema of [schemaOf(sampleProjection), buildSchemaOf(sampleProjection)]) {
      await this.superuser.query(
        `drop schema if exists ${schema} cascade; create schema ${schema}; grant usage, create on schema ${schema} to ${ROLE}`,
      );
    }
  }

  /** A projector that knows its position. */
  async projector(ledger: MemoryLedger, more: Partial<ProjectorOptions> = {}): Promise<Projector> {
    const projector = new Projector({ pool: this.pool, projection: sampleProjection, ledger: ledger.name, ...more });
    await projector.prepare();
    await projector.findPosition();
    return projector;
  }

  /** Names of the tables of a schema. */
  async tables(schema: string): Promise<string[]> {
    const result = await this.superuser.query<{ tablename: string }>(
      'select tablename from pg_tables where schemaname = $1 order by tablename',
      [schema],
    );
    return result.rows.map(({ tablename }) => tablename);
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.superuser.end();
  }
}
