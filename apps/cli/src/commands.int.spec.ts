import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openPool } from '@runseal/postgres';
import { findFreePort, waitFor } from '@runseal/testing';
import type { Finding } from './doctor/finding.js';
import { TestLedger, type CallOptions } from './test-ledger.fixture.js';
import type { Verdict } from './verify/verify-source.js';

let ledger: TestLedger;
let size: number;

beforeAll(async () => {
  ledger = await TestLedger.start();
  size = await ledger.seal(30);
  await ledger.trust('home', await ledger.waitForHead(size));
  await ledger.writeCredentials();
});

afterAll(() => ledger.close());

async function json<T>(args: readonly string[], options: CallOptions = {}): Promise<T & { exitCode: number }> {
  const { exitCode, out, err } = await ledger.cli([...args, '--json'], options);
  if (!out.startsWith('{')) throw new Error(out + err);
  return { ...(JSON.parse(out) as T), exitCode };
}

describe('keys', () => {
  interface Key {
    key_id: string;
    secret: string;
  }
  interface Listed {
    key_id: string;
    principal: string;
    scopes: string[];
    revoked_at: string | null;
  }

  test('are made, listed without their secret, and revoked once', async () => {
    const args = ['keys', 'create', '--principal', 'ada', '--kind', 'person', '--scopes', 'read,approve', 'admin'];
    const { exitCode, key_id, secret } = await json<Key>(args);
    expect({ exitCode, secret }).toEqual({ exitCode: 0, secret: expect.stringMatching(/^rsk_/) as string });
    const { out } = await ledger.cli(['keys', 'list', '--json']);
    expect(out).not.toContain(secret.split('_')[2]);
    const { items } = JSON.parse(out) as { items: Listed[] };
    expect(items.find((key) => key.key_id === key_id)).toMatchObject({
      principal: 'ada',
      scopes: ['read', 'approve', 'admin'],
      revoked_at: null,
    });
    expect((await ledger.cli(['keys', 'revoke', key_id])).exitCode).toBe(0);
    expect((await ledger.cli(['keys', 'revoke', key_id])).exitCode).toBe(1);
    expect((await ledger.cli(['keys', 'list'])).out).toMatch(new RegExp(`${key_id}  ada \\(person\\) .* revoked `));
  });

  test('the first of an installation is made in its database, where no server could take one', async () => {
    const first = ['keys', 'create', '--principal', 'eve', '--kind', 'person', '--scopes', 'admin', '--database'];
    const { exitCode, secret } = await json<Key>([...first, ledger.urlAs('runseal_ingest')]);
    expect(exitCode).toBe(0);
    expect((await ledger.cli(['--key', secret, 'keys', 'list'])).exitCode).toBe(0);
    const refused = await ledger.cli([...first, ledger.urlAs('runseal_auditor')]);
    expect(refused).toMatchObject({ exitCode: 2, err: expect.stringContaining('permission denied') as string });
    expect((await ledger.cli([...first, 'nowhere'])).exitCode).toBe(2);
  });

  test('that a service may not have are refused, bad arguments are not sent', async () => {
    const args = ['keys', 'create', '--principal', 'bot', '--scopes', 'approve', '--kind'];
    expect((await ledger.cli([...args, 'service'])).exitCode).toBe(1);
    expect((await ledger.cli([...args, 'robot'])).exitCode).toBe(2);
    expect((await ledger.cli(['keys'])).exitCode).toBe(2);
  });

  test('that the server does not accept leave it undetermined', async () => {
    const { exitCode, err } = await ledger.cli(['--key', 'rsk_aaaaaaaaaaaaaaaa_wrong', 'keys', 'list']);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/answered 401.*--key/);
    expect(err).not.toContain('wrong');
  });
});

describe('credentials', () => {
  test('name server and key from a folder above, but give the key to no other server', async () => {
    expect((await ledger.cli(['keys', 'list'], { fromFile: true })).exitCode).toBe(0);
    const other = ledger.url.replace('127.0.0.1', 'localhost');
    const { exitCode, err } = await ledger.cli(['--url', other, 'keys', 'list'], { fromFile: true });
    expect(exitCode).toBe(2);
    expect(err).toMatch(/401/);
  });
});

describe('tail', () => {
  test('prints each record once from where it is told, follows, and ends with the interrupt', async () => {
    const interrupt = new AbortController();
    let out = '';
    const following = ledger.cli(['tail', '--from', '5', '--json'], {
      interrupted: interrupt.signal,
      onOut: (text) => (out += text),
    });
    const seqs = () =>
      out
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as { seq: number }).seq);
    await waitFor('the records that are there', () => seqs().includes(size - 1));
    const added = await ledger.submit(3);
    await waitFor('the new ones', () => seqs().includes(added - 1));
    interrupt.abort();
    expect((await following).exitCode).toBe(0);
    expect(seqs()).toEqual(Array.from({ length: added - 5 }, (_, index) => index + 5));
    size = added;
    await ledger.waitForHead(size);
  });

  test('shows time, type and stream, and only what is asked for', async () => {
    const interrupt = new AbortController();
    let out = '';
    const args = ['tail', '--from', '0', '--type', 'ledger.opened'];
    const following = ledger.cli(args, { interrupted: interrupt.signal, onOut: (text) => (out += text) });
    await waitFor('the first record', () => out.includes('\n'));
    interrupt.abort();
    expect((await following).exitCode).toBe(0);
    expect(out).toMatch(/^ +0 {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}ledger\.opened +ledger\/default\n$/);
  });
});

describe('migrate', () => {
  test('prints the SQL without changing anything, then applies it, then finds nothing to do', async () => {
    const url = await ledger.createDatabase();
    const dry = await ledger.cli(['migrate', '--database', url, '--dry-run']);
    expect(dry.exitCode).toBe(0);
    expect(dry.out).toContain('create table ledger.records (');
    expect((await json<{ pending: string[] }>(['migrate', '--database', url, '--dry-run'])).pending).toContain(
      'ledger/0001-roles-and-tables',
    );
    const applied = await json<{ applied: string[] }>(['migrate', '--database', url]);
    expect(applied).toMatchObject({ exitCode: 0 });
    expect(applied.applied).toContain('ingest/0001-tiles');
    expect((await ledger.cli(['migrate', '--database', url])).out).toBe('The schema was up to date.\n');
  });

  test('refuses a database that another release has made, naming both', async () => {
    const url = await ledger.createDatabase();
    await ledger.cli(['migrate', '--database', url]);
    const pool = openPool({ url, applicationName: 'test' });
    await pool.query(`update migrations.applied set sha256 = 'other' where component = 'ingest'`);
    await pool.end();
    const { exitCode, err } = await ledger.cli(['migrate', '--database', url]);
    expect(exitCode).toBe(1);
    expect(err).toMatch(/ingest\/1 was applied with SHA-256 other/);
  });

  test('that cannot reach its database is undetermined, and never repeats the password', async () => {
    const url = `postgres://someone:hush@127.0.0.1:${await findFreePort()}/x`;
    const { exitCode, err } = await ledger.cli(['migrate', '--database', url]);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/ECONNREFUSED/);
    expect(err).not.toContain('hush');
  });
});

describe('doctor', () => {
  const examine = async (args: string[] = [], options: CallOptions = { fromFile: true }) => {
    const { exitCode, findings } = await json<{ findings: Finding[] }>(['doctor', ...args], options);
    return { exitCode, bad: findings.filter(({ state }) => state !== 'ok'), findings };
  };

  test('finds nothing wrong with a sound installation, and has looked at everything', async () => {
    const { exitCode, bad, findings } = await examine();
    expect({ exitCode, bad }).toEqual({ exitCode: 0, bad: [] });
    expect(findings.map(({ check }) => check)).toEqual([
      'configuration',
      'credentials',
      'server',
      'key',
      'head',
      'trust',
      'database',
      'schema',
      'durability',
      'connection',
      'clock',
      'role runseal_ingest',
      'role runseal_lineage',
      'role runseal_gates',
      'role runseal_registry',
      'role runseal_maintenance',
      'role runseal_auditor',
      'outside heads',
    ]);
  });

  test.each([
    [
      'role runseal_auditor',
      'grant update on ledger.records to runseal_auditor',
      'revoke update on ledger.records from runseal_auditor',
    ],
    [
      'role runseal_ingest',
      'grant truncate on ledger.payloads to runseal_ingest',
      'revoke truncate on ledger.payloads from runseal_ingest',
    ],
    ['role runseal_ingest', 'grant runseal_owner to runseal_ingest', 'revoke runseal_owner from runseal_ingest'],
    [
      'durability',
      'alter system set full_page_writes = off; select pg_reload_conf()',
      'alter system reset full_page_writes; select pg_reload_conf()',
    ],
    [
      'schema',
      "create table kept_applied as table migrations.applied; delete from migrations.applied where component = 'ingest'",
      "insert into migrations.applied select * from kept_applied where component = 'ingest'; drop table kept_applied",
    ],
  ])('finds what is wrong: %s after "%s"', async (check, breaking, mending) => {
    for (const statement of breaking.split('; ')) await ledger.superuser.query(statement);
    try {
      await waitFor('the finding', async () => (await examine()).bad.some((finding) => finding.check === check));
      const { exitCode, bad } = await examine();
      expect({ exitCode, checks: bad.map((finding) => finding.check) }).toEqual({ exitCode: 1, checks: [check] });
      expect(bad[0]?.advice).toEqual(expect.any(String));
    } finally {
      for (const statement of mending.split('; ')) await ledger.superuser.query(statement);
    }
    await waitFor('the mending', async () => (await examine()).exitCode === 0);
  });

  test('finds credentials that others can read, and a ledger whose key is not known', async () => {
    const path = join(ledger.folder, '.runseal', 'credentials.json');
    await chmod(path, 0o644);
    expect((await examine()).bad.map(({ check }) => check)).toEqual(['credentials']);
    await chmod(path, 0o600);
    expect((await examine([], { fromFile: true, home: 'stranger' })).bad.map(({ check }) => check)).toEqual(['trust']);
  });

  test('could not look where nothing answers, or where it may not: exit code 2', async () => {
    const url = `http://127.0.0.1:${await findFreePort()}`;
    expect(await examine([], { url })).toMatchObject({ exitCode: 2, bad: [{ check: 'server', state: 'unknown' }] });
    const { exitCode, bad } = await examine(['--database', ledger.auditorUrl], {});
    expect(exitCode).toBe(2);
    expect(bad.map(({ check, state }) => `${check} ${state}`)).toEqual([
      'role runseal_ingest unknown',
      'role runseal_lineage unknown',
      'role runseal_gates unknown',
      'role runseal_registry unknown',
      'role runseal_maintenance unknown',
    ]);
  });
});

describe('demo tamper', () => {
  const verdict = () => json<Verdict>(['verify'], { fromFile: true });

  test.each([
    ['edit', { kind: 'payload_mismatch', seq: expect.any(Number) as number }],
    ['delete', { kind: 'hole', seq: expect.any(Number) as number }],
    ['swap', { kind: 'content', seq: expect.any(Number) as number }],
    ['rewrite', { kind: 'head_mismatch', between: [1, 31] }],
    ['tail', { kind: 'tail_missing', between: [31, 34] }],
  ] as const)('%s is found by verify and undone without a trace', async (action, fault) => {
    await ledger.keep();
    const done = await ledger.cli(['demo', 'tamper', action], { fromFile: true });
    expect(done.exitCode).toBe(0);
    expect(done.out).toMatch(/(update|delete from) ledger\.[^]*\n {2}runseal verify\n/);
    const found = await verdict();
    expect(found.faults[0]).toEqual(fault);
    expect(found.exitCode).toBe(1);
    const again = await ledger.cli(['demo', 'tamper', 'edit'], { fromFile: true });
    expect(again).toMatchObject({ exitCode: 1, err: expect.stringContaining('--undo') as string });
    expect((await ledger.cli(['demo', 'tamper', action, '--undo'], { fromFile: true })).exitCode).toBe(0);
    expect(await verdict()).toMatchObject({ verdict: 'intact', exitCode: 0 });
    for (const table of ['records', 'payloads', 'ledgers']) {
      const { rows } = await ledger.superuser.query(
        `(table ledger.${table} except table kept.${table}) union all (table kept.${table} except table ledger.${table})`,
      );
      expect(rows).toEqual([]);
    }
    expect((await ledger.cli(['demo', 'tamper', '--undo'], { fromFile: true })).exitCode).toBe(1);
  });

  test('touches no database but the one on this machine, and needs to be told what to do', async () => {
    const path = join(ledger.folder, '.runseal', 'credentials.json');
    expect((await ledger.cli(['demo', 'tamper'], { fromFile: true })).exitCode).toBe(2);
    expect((await ledger.cli(['demo', 'tamper', 'burn'], { fromFile: true })).exitCode).toBe(2);
    const text = await readFile(path, 'utf8');
    await ledger.write('.runseal/credentials.json', text.replace(/@127\.0\.0\.1:/, '@db.example:'));
    const { exitCode, err } = await ledger.cli(['demo', 'tamper', 'edit'], { fromFile: true });
    await ledger.write('.runseal/credentials.json', text);
    expect(exitCode).toBe(1);
    expect(err).toContain('Only the embedded demo');
  });
});
