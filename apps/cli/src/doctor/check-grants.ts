import { OWNER_ROLE, sqlState, type Connection, type Pool } from '@runseal/postgres';
import { ok, unknown, wrong, type Finding } from './finding.js';

const ROLES = [
  'runseal_ingest',
  'runseal_lineage',
  'runseal_gates',
  'runseal_registry',
  'runseal_maintenance',
  'runseal_auditor',
] as const;
/** Each table with a column of it that may be named in an insert. Nothing is read: that would need one more right. */
const TABLES = {
  'ledger.ledgers': 'name',
  'ledger.records': 'ledger',
  'ledger.payloads': 'ledger',
  'ledger.authorities': 'role',
} as const;
const NOT_ALLOWED = '42501';

/** Tries as each role what no service may do. Nothing is changed: every attempt matches no row and is rolled back. */
export async function* checkGrants(pool: Pool): AsyncGenerator<Finding> {
  const client = await pool.connect();
  try {
    for (const role of ROLES) yield await checkRole(client, role);
  } finally {
    client.release();
  }
}

async function checkRole(client: Connection, role: string): Promise<Finding> {
  const check = `role ${role}`;
  const { rows } = await client.query<{ is_super: boolean; is_owner: boolean }>(
    `select r.rolsuper as is_super, pg_has_role(r.oid, o.oid, 'member') as is_owner
     from pg_roles r, pg_roles o where r.rolname = $1 and o.rolname = $2`,
    [role, OWNER_ROLE],
  );
  const [found] = rows;
  if (!found) return wrong(check, 'it is not there', 'Run "runseal migrate --database URL".');
  if (found.is_super || found.is_owner) {
    const what = found.is_super ? 'it is a superuser' : `it is a member of ${OWNER_ROLE}`;
    return wrong(check, `${what} and could change records`, 'Take that away: nothing of Runseal needs it.');
  }
  if ((await attempt(client, role, 'select')) !== null) {
    return unknown(check, 'this login cannot act as it', 'Give --database a superuser or a member of the role.');
  }
  const allowed: string[] = [];
  for (const statement of Object.entries(TABLES).flatMap(forbidden)) {
    if ((await attempt(client, role, statement)) !== NOT_ALLOWED) allowed.push(statement.split(' where')[0] ?? '');
  }
  const mayTruncate = await findTruncatable(client, role);
  const all = [...allowed, ...mayTruncate.map((table) => `truncate ${table}`)];
  if (all.length > 0)
    return wrong(check, `may: ${all.join('; ')}`, `Revoke what it was granted beside "runseal migrate".`);
  const reading = await attempt(client, role, 'select from ledger.sealed_records limit 1');
  if (reading !== null) return wrong(check, 'cannot read the ledger', 'Run "runseal migrate --database URL".');
  return ok(check, 'reads, and cannot change or remove a record');
}

function forbidden([table, column]: readonly [string, string]): string[] {
  return [
    `insert into ${table} (${column}) select null where false`,
    `update ${table} set ${column} = null where false`,
    `delete from ${table} where false`,
  ];
}

/** The SQLSTATE that a statement fails with as that role, null where it passes. */
async function attempt(client: Connection, role: string, statement: string): Promise<string | null> {
  await client.query('begin');
  try {
    await client.query(`set local role ${role}`);
    await client.query(statement);
    return null;
  } catch (error) {
    const state = sqlState(error);
    if (state === null) throw error;
    return state;
  } finally {
    await client.query('rollback');
  }
}

/** Not tried: a truncate that is allowed would hold every reader up until it is rolled back. */
async function findTruncatable(client: Connection, role: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select t.name from unnest($2::text[]) as t (name) where has_table_privilege($1, t.name, 'truncate')`,
    [role, Object.keys(TABLES)],
  );
  return rows.map(({ name }) => name);
}
