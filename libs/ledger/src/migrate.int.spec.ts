import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  checkSchema,
  findPendingMigrations,
  migrate,
  openDirectConnection,
  openPool,
  OWNER_ROLE,
  SchemaVersionError,
  sqlState,
  type Migration,
} from '@runseal/postgres';
import { describeOnEachPostgres, TestServer, urlAs, waitFor } from '@runseal/testing';
import { ledgerMigrations } from './ledger-migrations.js';
import { PASSWORD } from './test-database.fixture.js';

const DBA = 'test_dba';
const GATE = 4711;

describeOnEachPostgres('migrating the ledger', (version) => {
  let server: TestServer;
  let migrations: Migration[];
  let url: string;

  beforeAll(async () => {
    server = await TestServer.start(version);
    migrations = await ledgerMigrations();
    await asSuperuser(`create role ${DBA} login createrole nosuperuser password '${PASSWORD}'`);
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    url = urlAs(await ownedDatabase(), DBA, PASSWORD);
  });

  const asSuperuser = async (sql: string, database = 'postgres') => {
    const connection = await openDirectConnection(server.server.url(database), 'test-superuser');
    try {
      return (await connection.query(sql)).rows;
    } finally {
      await connection.end();
    }
  };
  const ownedDatabase = async () => {
    const superuserUrl = await server.createDatabase();
    await asSuperuser(`alter database ${nameOf(superuserUrl)} owner to ${DBA}`);
    return superuserUrl;
  };
  const nameOf = (address: string) => new URL(address).pathname.slice(1);
  const query = async (sql: string) => {
    const connection = await openDirectConnection(url, 'test-dba');
    try {
      return (await connection.query(sql)).rows;
    } finally {
      await connection.end();
    }
  };
  /** Every table, column, function and grant of the schema, as text. */
  const shape = () =>
    asSuperuser(
      `select c.relname || ' ' || c.relowner::regrole || coalesce(c.relacl::text, '') as line
      from pg_class c where c.relnamespace = 'ledger'::regnamespace
      union all
      select p.oid::regprocedure || ' ' || p.proowner::regrole || md5(p.prosrc) || coalesce(p.proacl::text, '')
      from pg_proc p where p.pronamespace = 'ledger'::regnamespace
      order by 1`,
      nameOf(url),
    );
  const gate = (): Migration => ({
    component: 'test',
    number: 1,
    name: 'gate',
    sql: `create table migrations.gate (); select pg_advisory_xact_lock(${GATE});`,
    sha256: '1'.repeat(64),
  });

  /** `runseal migrate` in a process of its own, from the built package. */
  const migrateInChild = (files: Migration[]) => {
    const script = `import { migrate } from '@runseal/postgres'; import { json } from 'node:stream/consumers';
      const { url, files } = await json(process.stdin); await migrate(url, files);`;
    const { NODE_OPTIONS: _, ...env } = process.env;
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const stdio = ['pipe', 'inherit', 'inherit'] as ['pipe', 'inherit', 'inherit'];
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd, env, stdio });
    child.stdin!.end(JSON.stringify({ url, files }));
    return child;
  };

  it('works as a role that may create roles and owns its database, and is no superuser', async () => {
    expect(await migrate(url, migrations)).toEqual(migrations);
    const owners = await asSuperuser(
      `select distinct relowner::regrole::text as owner from pg_class where relnamespace = 'ledger'::regnamespace`,
      nameOf(url),
    );
    expect(owners).toEqual([{ owner: OWNER_ROLE }]);
  });

  it('leaves nobody who can act as the owner, the migrating role included', async () => {
    await migrate(url, migrations);
    // From 16 on, who made a role keeps the right to grant it, which only a superuser can take away.
    const powers = version >= 16 ? 'inherit_option or set_option' : 'true';
    const members = `select member::regrole::text from pg_auth_members where roleid = '${OWNER_ROLE}'::regrole`;
    expect(await asSuperuser(`${members} and (${powers})`)).toEqual([]);
    expect(await query(`set role ${OWNER_ROLE}`).then(() => null, sqlState)).toBe('42501');
    expect(await query('select from ledger.records').then(() => null, sqlState)).toBe('42501');
    expect(await query('drop table ledger.records').then(() => null, sqlState)).toBe('42501');
    const [may] = await asSuperuser(
      `select has_database_privilege('${OWNER_ROLE}', current_database(), 'create') as create`,
      nameOf(url),
    );
    expect(may).toEqual({ create: false });
  });

  it('applies nothing the second time, and says beforehand what it would apply', async () => {
    expect(await findPendingMigrations(url, migrations)).toEqual(migrations);
    expect(await query(`select to_regnamespace('migrations') as schema`)).toEqual([{ schema: null }]);
    await migrate(url, migrations.slice(0, 2));
    expect(await findPendingMigrations(url, migrations)).toEqual(migrations.slice(2));
    expect(await migrate(url, migrations)).toEqual(migrations.slice(2));
    const before = await shape();
    expect(await migrate(url, migrations)).toEqual([]);
    expect(await shape()).toEqual(before);
  });

  it('applies each file once where two or more migrate at once', async () => {
    const applied = await Promise.all(Array.from({ length: 3 }, () => migrate(url, migrations)));
    expect(applied.map((files) => files.length).sort()).toEqual([0, 0, migrations.length]);
  });

  it('does not disturb the migration of another database of the same server at the same time', async () => {
    const urls = [url];
    while (urls.length < 3) urls.push(urlAs(await ownedDatabase(), DBA, PASSWORD));
    const applied = await Promise.all(urls.map((each) => migrate(each, migrations)));
    expect(applied).toEqual(urls.map(() => migrations));
  });

  it('is finished by the next one after it was killed half-way', async () => {
    const holder = await openDirectConnection(url, 'test-holder');
    await holder.query('select pg_advisory_lock($1)', [GATE]);
    const files = [...migrations.slice(0, 2), gate(), ...migrations.slice(2)];
    const child = migrateInChild(files);
    await waitFor('the child to stand in the middle of its third file', async () => {
      const waiting = await asSuperuser(
        `select pid from pg_stat_activity
        where application_name = 'runseal-migrate' and datname = '${nameOf(url)}' and wait_event = 'advisory'`,
      );
      return waiting.length > 0;
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await holder.end();
    expect(await migrate(url, files)).toEqual(files.slice(2));
    const finished = await shape();
    url = urlAs(await ownedDatabase(), DBA, PASSWORD);
    await migrate(url, migrations);
    expect(finished).toEqual(await shape());
    expect(await query(`set role ${OWNER_ROLE}`).then(() => null, sqlState)).toBe('42501');
  });

  it('leaves nothing of a file that fails, and names it', async () => {
    const broken = { ...gate(), name: 'broken', sql: 'create table migrations.broken (); select 1/0' };
    await expect(migrate(url, [...migrations, broken])).rejects.toThrow(
      'Migration test/1 (broken) failed: division by zero',
    );
    expect(await query(`select to_regclass('migrations.broken') as made`)).toEqual([{ made: null }]);
    expect(await findPendingMigrations(url, [...migrations, broken])).toEqual([broken]);
    expect(await query(`set role ${OWNER_ROLE}`).then(() => null, sqlState)).toBe('42501');
  });

  it('is refused where an applied file differs, with both hashes named, and changes nothing', async () => {
    await migrate(url, migrations.slice(0, 2));
    const changed = { ...migrations[1]!, sha256: 'f'.repeat(64) };
    const work = migrate(url, [migrations[0]!, changed, ...migrations.slice(2)]);
    await expect(work).rejects.toThrow(SchemaVersionError);
    await expect(work).rejects.toThrow(migrations[1]!.sha256);
    await expect(work).rejects.toThrow(changed.sha256);
    expect(await findPendingMigrations(url, migrations)).toEqual(migrations.slice(2));
  });

  it('is asked for by checkSchema, which names both versions, of an older, a newer, a changed and an empty schema', async () => {
    const pool = openPool({ url, applicationName: 'test-check' });
    const newest = migrations.length;
    const said = (found: number, wanted: number) => `at version ${found}, this program needs version ${wanted}.`;
    await expect(checkSchema(pool, migrations)).rejects.toThrow(said(0, newest));
    await migrate(url, migrations.slice(0, 2));
    await expect(checkSchema(pool, migrations)).rejects.toThrow(said(2, newest));
    await migrate(url, migrations);
    await expect(checkSchema(pool, migrations.slice(0, -1))).rejects.toThrow(said(newest, newest - 1));
    const changed = migrations.map((migration) => ({ ...migration, sha256: 'f'.repeat(64) }));
    await expect(checkSchema(pool, changed)).rejects.toThrow(SchemaVersionError);
    await checkSchema(pool, migrations);
    await pool.end();
  });
});
