import { randomUUID } from 'node:crypto';
import { eventTypes } from '@runseal/contracts';
import { OWNER_ROLE, openPool, sqlState, type Pool } from '@runseal/postgres';
import { describeOnEachPostgres, TestServer } from '@runseal/testing';
import type { EventToSeal } from './seal-batch.js';
import {
  codeOf,
  event,
  opening,
  PASSWORD,
  payloadOf,
  request,
  SERVICE_ROLES,
  TestDatabase,
  type TestLedger,
} from './test-database.fixture.js';

type Role = (typeof SERVICE_ROLES)[number];

const DENIED = '42501';
const TABLES = ['ledgers', 'records', 'payloads', 'authorities', 'derived_id_bytes'];
const VIEWS = ['sealed_records', 'newest_records'];

const GRANTED: Readonly<Record<Role, string[]>> = {
  runseal_ingest: ['seal'],
  runseal_lineage: [],
  runseal_gates: ['seal'],
  runseal_registry: ['seal'],
  runseal_maintenance: ['create_ledger', 'seal'],
  runseal_auditor: [],
};

/** Byte 0 of the derived ids that are the role's; the others have none. */
const ID_BYTES: Readonly<Partial<Record<Role, string>>> = {
  runseal_ingest: '01',
  runseal_gates: '02',
  runseal_registry: '03',
};

/** An event that the role may seal; who only reads may seal none. */
const own: Readonly<Partial<Record<Role, (ledger: string) => EventToSeal>>> = {
  runseal_ingest: () => event(),
  runseal_maintenance: (ledger) =>
    event({ type: 'ledger.restored', stream: `ledger/${ledger}`, payload: payloadOf({ epoch: 1, kept_size: 1 }) }),
  runseal_gates: () => event({ type: 'policy.published', stream: 'policy/default' }),
  runseal_registry: () => event({ type: 'model.tags-set', stream: 'model/support-assistant' }),
};

describeOnEachPostgres('what a role may do in schema ledger', (version) => {
  let server: TestServer;
  let database: TestDatabase;
  let ledger: TestLedger;
  let pools: Record<Role, Pool>;

  beforeAll(async () => {
    server = await TestServer.start(version);
    database = await TestDatabase.open(await server.createDatabase());
    pools = Object.fromEntries(
      SERVICE_ROLES.map((role) => [role, openPool({ url: database.urlAs(role), applicationName: role })]),
    ) as Record<Role, Pool>;
  });
  afterAll(async () => {
    await Promise.all(Object.values(pools).map((pool) => pool.end()));
    await database.close();
    await server.remove();
  });
  beforeEach(async () => {
    ledger = await database.openLedger();
  });

  /** Numbers of rows and every privilege in the schema. */
  const snapshot = async () => {
    const sums = TABLES.map((table) => `(select count(*)::int from ledger.${table}) as ${table}`);
    const grants = `(select array_agg(relacl::text order by oid) from pg_class where relnamespace = 'ledger'::regnamespace)`;
    return (await database.superuser.query(`select ${sums.join()}, ${grants} as grants`)).rows[0];
  };
  /** The SQLSTATE that each statement ends with, in one session after another; null: it was done. */
  const statesOf = async (pool: Pool, statements: readonly string[]) => {
    const states: Record<string, string | null> = {};
    for (const statement of statements) {
      states[statement] = await pool.query(statement).then(() => null, sqlState);
    }
    return states;
  };
  const allDenied = (statements: readonly string[]) =>
    Object.fromEntries(statements.map((statement) => [statement, DENIED]));

  describe.each(SERVICE_ROLES)('%s', (role) => {
    it('reads records only by the views', async () => {
      await expect(
        statesOf(
          pools[role],
          VIEWS.map((view) => `select from ledger.${view}`),
        ),
      ).resolves.toEqual(Object.fromEntries(VIEWS.map((view) => [`select from ledger.${view}`, null])));
      const direct = TABLES.map((table) => `select from ledger.${table}`);
      expect(await statesOf(pools[role], direct)).toEqual(allDenied(direct));
    });

    it('is refused every change of a table or view: rows, structure, triggers', async () => {
      const before = await snapshot();
      const changes = [
        ...[...TABLES, ...VIEWS].flatMap((table) => [
          `insert into ledger.${table} default values`,
          `delete from ledger.${table}`,
          `grant select on ledger.${table} to public`,
        ]),
        ...TABLES.flatMap((table) => [
          `truncate ledger.${table}`,
          `drop table ledger.${table} cascade`,
          `alter table ledger.${table} disable trigger all`,
          `alter table ledger.${table} add column more text`,
          `alter table ledger.${table} owner to ${role}`,
          `create index on ledger.${table} (ctid)`,
          `do $$ begin lock table ledger.${table} in access exclusive mode; end $$`,
        ]),
        'update ledger.ledgers set size = 0',
        `update ledger.records set envelope = ''`,
        `update ledger.payloads set payload = ''`,
        `update ledger.authorities set role = '${role}'`,
        `update ledger.sealed_records set epoch = 1`,
        'drop schema ledger cascade',
        'drop function ledger.seal',
      ];
      const states = await statesOf(pools[role], changes);
      // A view that joins takes no rows from anyone. `grant` of what one has but may not pass on is a warning; the snapshot tells.
      const isKnown = (statement: string, state: string | null) =>
        state === DENIED ||
        (state === '55000' && statement.includes('ledger.sealed_records')) ||
        (state === null && VIEWS.some((view) => statement === `grant select on ledger.${view} to public`));
      expect(Object.entries(states).filter(([statement, state]) => !isKnown(statement, state))).toEqual([]);
      expect(await snapshot()).toEqual(before);
    });

    it('is refused every other role and every switch that turns checks off', async () => {
      const others = [OWNER_ROLE, 'postgres', ...SERVICE_ROLES].filter((other) => other !== role);
      const switches = [
        ...others.flatMap((other) => [
          `set role ${other}`,
          `set session authorization ${other}`,
          `grant ${other} to ${role}`,
        ]),
        'set session_replication_role = replica',
        'create table ledger.more (x int)',
        'create function ledger.more() returns int language sql as $$ select 1 $$',
        'create schema more',
        `alter role ${role} superuser`,
        'create role more',
        `alter function ledger.seal owner to ${role}`,
        'create extension dblink',
        `copy (select 1) to program 'true'`,
      ];
      expect(await statesOf(pools[role], switches)).toEqual(allDenied(switches));
    });

    it('calls no function of the schema but those that are granted to it', async () => {
      const { rows } = await database.superuser.query<{ name: string; call: string; granted: boolean }>(
        `select p.proname as name, has_function_privilege($1, p.oid, 'execute') as granted,
          format('select %s(%s)', p.oid::regproc, (
            select string_agg(format('null::%s', format_type(a.type, null)), ', ' order by a.number)
            from unnest(p.proargtypes) with ordinality as a (type, number)
          )) as call
        from pg_proc p
        where p.pronamespace = 'ledger'::regnamespace
        order by p.proname`,
        [role],
      );
      const granted = rows.filter((row) => row.granted).map(({ name }) => name);
      expect(granted).toEqual(GRANTED[role]);
      const calls = rows.filter((row) => !row.granted).map(({ call }) => call);
      expect(calls.length).toBeGreaterThan(5);
      expect(await statesOf(pools[role], calls)).toEqual(allDenied(calls));
    });

    it('seals its own events and none that it has no authority for', async () => {
      const mine = own[role]?.(ledger.name);
      if (!mine) {
        const state = await ledger.seal([request(event())], { by: pools[role] }).then(() => null, sqlState);
        expect(state).toBe(DENIED);
        return;
      }
      const theirs = SERVICE_ROLES.filter((other) => other !== role).flatMap(
        (other) => own[other]?.(ledger.name) ?? [],
      );
      const derived = (first: string) => `${first}aaaaaa-aaaa-8aaa-8aaa-${randomUUID().slice(-12)}`;
      const forbidden = [
        ...theirs,
        opening(ledger.name, { type: 'gates.judged' }),
        { ...mine, class: 'metrics' as const },
        { ...mine, class: 'telemetry' as const },
        { ...mine, stream: 'artifact/1' },
        { ...mine, stream: mine.stream.replace('/', '') },
        ...Object.entries(ID_BYTES).flatMap(([other, first]) =>
          other === role ? [] : [{ ...mine, id: derived(first) }],
        ),
        { ...mine, id: derived('00') },
        { ...mine, id: derived('ff') },
      ];
      const by = { by: pools[role] };
      const before = await snapshot();
      for (const each of forbidden) {
        expect([each, codeOf((await ledger.seal([request(each)], by))[0])]).toEqual([each, 'forbidden_event_type']);
      }
      expect(await snapshot()).toEqual(before);
      const first = ID_BYTES[role];
      const allowed = first ? [mine, { ...mine, id: derived(first) }] : [mine];
      for (const each of allowed) expect(codeOf((await ledger.seal([request(each)], by))[0])).toBeNull();
    });
  });

  it('is nothing for PUBLIC: neither the schema nor anything in it', async () => {
    const { rows } = await database.superuser.query(`
      select n.nspname as name from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
      where n.nspname = 'ledger' and a.grantee = 0
      union all
      select c.relname from pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
      where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'v', 'S') and a.grantee = 0
      union all
      select p.proname from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
      where p.pronamespace = 'ledger'::regnamespace and a.grantee = 0`);
    expect(rows).toEqual([]);
    await database.superuser.query(`create role test_nobody login password '${PASSWORD}'`);
    const nobody = openPool({ url: database.urlAs('test_nobody'), applicationName: 'test-nobody' });
    const tries = [...TABLES, ...VIEWS].map((table) => `select from ledger.${table}`);
    tries.push(`select ledger.create_ledger('mine')`);
    expect(await statesOf(nobody, tries)).toEqual(allDenied(tries));
    await nobody.end();
  });

  it('belongs to an owner that cannot log in and has no members', async () => {
    const { rows: owners } = await database.superuser.query(`
      select distinct r.rolname, r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolbypassrls
      from pg_roles r
      where r.oid in (select relowner from pg_class where relnamespace = 'ledger'::regnamespace)
        or r.oid in (select proowner from pg_proc where pronamespace = 'ledger'::regnamespace)
        or r.oid = (select nspowner from pg_namespace where nspname = 'ledger')`);
    expect(owners).toEqual([
      { rolname: OWNER_ROLE, rolcanlogin: false, rolsuper: false, rolcreaterole: false, rolbypassrls: false },
    ]);
    const { rows: members } = await database.superuser.query(
      'select member::regrole::text from pg_auth_members where roleid = $1::regrole',
      [OWNER_ROLE],
    );
    expect(members).toEqual([]);
    await database.superuser.query(`alter role ${OWNER_ROLE} password '${PASSWORD}'`);
    const owner = openPool({ url: database.urlAs(OWNER_ROLE), applicationName: 'test-owner' });
    expect(await owner.query('select').then(() => null, sqlState)).toBe('28000');
    await owner.end();
  });

  it('is to seal just the event types that the contracts give it', async () => {
    const { rows } = await database.superuser.query(
      'select role, event_type, class, stream_kind from ledger.authorities order by event_type',
    );
    const wanted = Object.entries(eventTypes).map(([event_type, facts]) => ({
      role: `runseal_${facts.sealedBy}`,
      event_type,
      class: facts.class,
      stream_kind: facts.streamKind,
    }));
    expect(rows).toEqual(wanted.sort((one, other) => (one.event_type < other.event_type ? -1 : 1)));
  });
});
