import { openPool, type Pool } from '@runseal/postgres';
import { TestServer, urlAs } from '@runseal/testing';
import type { MemoryLedger } from './memory-ledger.fixture.js';
import { Projector, type ProjectorOptions } from './projector.js';
import { buildSchemaOf, schemaOf, type Projection } from './projection.js';
import { sampleProjection } from './sample-projection.fixture.js';

const ROLE = 'runseal_sample';
const PASSWORD = 'only-for-tests';

/** A server with one database a call of `open`, in which the sample's role may make tables in its two schemas and no others. */
export class SampleServer {
  private constructor(readonly server: TestServer) {}

  static async start(): Promise<SampleServer> {
    const sample = new SampleServer(await TestServer.start());
    const superuser = openPool({ url: await sample.server.createDatabase(), applicationName: 'test' });
    await superuser.query(`create role ${ROLE} login noinherit password '${PASSWORD}'`);
    await superuser.query(`alter role ${ROLE} set idle_in_transaction_session_timeout = '10s'`);
    await superuser.end();
    return sample;
  }

  async open(): Promise<SampleDatabase> {
    const url = await this.server.createDatabase();
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    for (const schema of [schemaOf(sampleProjection), buildSchemaOf(sampleProjection)]) {
      await superuser.query(`create schema ${schema}; grant usage, create on schema ${schema} to ${ROLE}`);
    }
    return new SampleDatabase(urlAs(url, ROLE, PASSWORD), superuser);
  }

  remove(): Promise<void> {
    return this.server.remove();
  }
}

export class SampleDatabase {
  /** As the service's role, its queries in the schema in use. */
  readonly pool: Pool;

  constructor(
    readonly url: string,
    readonly superuser: Pool,
  ) {
    this.pool = openPool({ url, applicationName: 'test-sample', searchPath: schemaOf(sampleProjection) });
  }

  /** A projector that knows its position. */
  async projector(ledger: MemoryLedger, more: Partial<ProjectorOptions> = {}): Promise<Projector> {
    const projector = new Projector({
      pool: this.pool,
      projection: sampleProjection as Projection,
      ledger: ledger.name,
      ...more,
    });
    await projector.prepare();
    await projector.findPosition();
    return projector;
  }

  /** Names of the tables that a schema has. */
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
