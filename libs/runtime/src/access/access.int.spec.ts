import { openPool, type Pool } from '@runseal/postgres';
import { TestServer, waitFor } from '@runseal/testing';
import { openAccess } from '../sample-service.fixture.js';
import { KEY_CACHE_MS, KeyAuthenticator } from './key-authenticator.js';
import { createKey, listKeys, revokeKey, type NewKey } from './keys.js';

let server: TestServer;
let pool: Pool;
let admin: Pool;
const key: NewKey = { principal: 'ci', kind: 'service', ledger: 'default', scopes: ['events:write', 'read'] };

beforeAll(async () => {
  server = await TestServer.start();
  const url = await server.createDatabase();
  pool = await openAccess(url);
  admin = openPool({ url, applicationName: 'test' });
}, 60_000);

afterAll(async () => {
  await pool?.end();
  await admin?.end();
  await server?.remove();
});

describe('a key', () => {
  it('authenticates its principal, with kind, ledger and scopes', async () => {
    const created = await createKey(pool, key);
    expect(created.secret).toMatch(/^rsk_[a-z2-7]{16}_[A-Za-z0-9_-]{43}$/);
    expect(await new KeyAuthenticator(pool).authenticate(`Bearer ${created.secret}`)).toEqual({
      principal: created.principal_id,
      kind: 'service',
      ledger: 'default',
      scopes: ['events:write', 'read'],
      keyId: created.key_id,
    });
  });

  it('is kept only as the hash of its secret', async () => {
    const { secret } = await createKey(pool, key);
    const dump = await admin.query(
      'select k::text as row from access.keys k union all select p::text from access.principals p',
    );
    const text = JSON.stringify(dump.rows);
    expect(text).not.toContain(secret.slice(21));
    expect(text).not.toContain(Buffer.from(secret.slice(21), 'base64url').toString('hex'));
  });

  it('of the same name and kind is the same principal; a person and a service of one name are two', async () => {
    const first = await createKey(pool, { ...key, principal: 'alex' });
    const second = await createKey(pool, { ...key, principal: 'alex', ledger: 'other' });
    const person = await createKey(pool, { ...key, principal: 'alex', kind: 'person' });
    expect(second.principal_id).toBe(first.principal_id);
    expect(person.principal_id).not.toBe(first.principal_id);
  });

  it('made twice at once makes one principal', async () => {
    const created = await Promise.all(Array.from({ length: 8 }, () => createKey(pool, { ...key, principal: 'racer' })));
    expect(new Set(created.map((one) => one.principal_id)).size).toBe(1);
    expect(new Set(created.map((one) => one.key_id)).size).toBe(8);
  });

  it.each([
    ['no Bearer', (secret: string) => secret],
    ['another scheme', (secret: string) => `Basic ${secret}`],
    [
      'a secret with one character changed',
      (secret: string) => `Bearer ${secret.slice(0, -2)}${secret.at(-2) === 'A' ? 'B' : 'A'}${secret.at(-1)}`,
    ],
    ['a secret cut short', (secret: string) => `Bearer ${secret.slice(0, -1)}`],
    ['a secret with more behind it', (secret: string) => `Bearer ${secret}A`],
    ['the key id alone', (secret: string) => `Bearer ${secret.slice(0, 20)}`],
    ['another key id', (secret: string) => `Bearer rsk_aaaaaaaaaaaaaaaa_${secret.slice(21)}`],
    ['a line break', (secret: string) => `Bearer ${secret}\n`],
    ['nothing', () => ''],
  ])('is not accepted as %s', async (_what, spoil) => {
    const { secret } = await createKey(pool, key);
    const authenticator = new KeyAuthenticator(pool);
    expect(await authenticator.authenticate(spoil(secret))).toBeNull();
    expect(await authenticator.authenticate(`Bearer ${secret}`)).not.toBeNull();
  });

  it('ends when it expires, also where it is remembered', async () => {
    const { secret } = await createKey(pool, { ...key, expires: new Date(Date.now() + 1_000) });
    const authenticator = new KeyAuthenticator(pool);
    expect(await authenticator.authenticate(`Bearer ${secret}`)).not.toBeNull();
    await waitFor('the expiry', async () => (await authenticator.authenticate(`Bearer ${secret}`)) === null, 3_000);
  });

  it('ends within 5 s after it was revoked, and only in its own ledger', async () => {
    const { secret, key_id } = await createKey(pool, key);
    const authenticator = new KeyAuthenticator(pool);
    expect(await authenticator.authenticate(`Bearer ${secret}`)).not.toBeNull();
    expect(await revokeKey(pool, { key_id, ledger: 'other' })).toBe(false);
    expect(await revokeKey(pool, { key_id, ledger: 'default' })).toBe(true);
    expect(await revokeKey(pool, { key_id, ledger: 'default' })).toBe(false);
    expect(await new KeyAuthenticator(pool).authenticate(`Bearer ${secret}`)).toBeNull();
    await waitFor(
      'the end',
      async () => (await authenticator.authenticate(`Bearer ${secret}`)) === null,
      KEY_CACHE_MS + 500,
    );
  }, 10_000);

  it('is listed with its principal, by ledger and page, without any hash', async () => {
    const made = [];
    for (let count = 0; count < 3; count++) made.push(await createKey(pool, { ...key, ledger: 'listed' }));
    const ids = made.map((one) => one.key_id).sort();
    const first = await listKeys(pool, { ledger: 'listed', limit: 2 });
    const rest = await listKeys(pool, { ledger: 'listed', limit: 2, after: first.at(-1)?.key_id ?? '' });
    expect([...first, ...rest].map((one) => one.key_id)).toEqual(ids);
    expect(first[0]).toEqual({
      key_id: ids[0],
      principal_id: made[0]?.principal_id,
      principal: 'ci',
      kind: 'service',
      scopes: ['events:write', 'read'],
      created_at: expect.any(Date),
      expires_at: null,
      revoked_at: null,
    });
  });

  it('with the scope approve is for persons only, also for whoever calls the function directly', async () => {
    await expect(createKey(pool, { ...key, scopes: ['approve'] })).rejects.toMatchObject({
      code: 'approve_is_for_persons',
    });
    await createKey(pool, { ...key, kind: 'person', scopes: ['approve'] });
    const direct = pool.query('select access.create_key($1, $2, $3, $4, $5, $6, $7, null)', [
      `p_${'a'.repeat(26)}`,
      'robot',
      'service',
      'a'.repeat(16),
      'default',
      ['read', 'approve'],
      Buffer.alloc(32),
    ]);
    await expect(direct).rejects.toMatchObject({ code: '23514', constraint: 'approve_is_for_persons' });
  });

  it.each([
    ['an unknown scope', { scopes: ['root'] as never }],
    ['no scope', { scopes: [] }],
    ['an empty name', { principal: '' }],
    ['a ledger that is no name', { ledger: 'Not A Name' }],
  ])('is refused with %s', async (_what, more) => {
    await expect(createKey(pool, { ...key, ...more })).rejects.toMatchObject({
      name: 'Refusal',
      code: 'invalid_request',
    });
  });
});

describe('the authenticator', () => {
  it('asks the database once for a key that many requests bring at once, known or unknown', async () => {
    const { secret } = await createKey(pool, key);
    let questions = 0;
    const counting = new Proxy(pool, {
      get: (target, name) => {
        if (name === 'query') questions++;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const authenticator = new KeyAuthenticator(counting);
    const unknown = `Bearer rsk_bbbbbbbbbbbbbbbb_${'A'.repeat(43)}`;
    await Promise.all(Array.from({ length: 100 }, () => authenticator.authenticate(`Bearer ${secret}`)));
    for (let count = 0; count < 100; count++) await authenticator.authenticate(unknown);
    expect(questions).toBe(2);
  });

  it('rejects, rather than refuses, where the database cannot be asked', async () => {
    const away = openPool({ url: 'postgres://x:y@127.0.0.1:1/none', applicationName: 'test' });
    const authenticator = new KeyAuthenticator(away);
    await expect(authenticator.authenticate(`Bearer rsk_bbbbbbbbbbbbbbbb_${'A'.repeat(43)}`)).rejects.toThrow();
    await away.end();
  });
});

describe('the role that reads keys', () => {
  it.each([
    `insert into access.principals (id, name, kind) values ('p_${'a'.repeat(26)}', 'x', 'person')`,
    `update access.keys set scopes = '{admin}'`,
    `update access.keys set revoked_at = null`,
    'delete from access.keys',
    'truncate access.keys cascade',
    'drop table access.keys',
    'alter table access.keys drop constraint approve_is_for_persons',
    'create table access.mine (x int)',
    'set role runseal_owner',
  ])('cannot run: %s', async (sql) => {
    await expect(pool.query(sql)).rejects.toMatchObject({ code: '42501' });
  });

  it('is the only one that may make or revoke keys', async () => {
    await admin.query("create role another login password 'another'");
    const url = new URL(server.server.url('test_1'));
    url.username = url.password = 'another';
    const another = openPool({ url: url.toString(), applicationName: 'test' });
    try {
      const calls = ["select access.revoke_key('a', 'default')", 'select * from access.keys'];
      for (const sql of calls) await expect(another.query(sql)).rejects.toMatchObject({ code: '42501' });
      await admin.query('grant usage on schema access to another');
      await expect(another.query("select access.revoke_key('a', 'default')")).rejects.toMatchObject({ code: '42501' });
      const create = another.query("select access.create_key('', '', '', '', '', '{}', '', null)");
      await expect(create).rejects.toMatchObject({ code: '42501' });
    } finally {
      await another.end();
    }
  });
});
