import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatesProjection } from '@runseal/gates';
import { knownLogsPath, streamRecords, type StoredRecord } from '@runseal/ledger';
import { lineageProjection } from '@runseal/lineage';
import { openPool, type Pool } from '@runseal/postgres';
import { digestTables, schemaOf, type SchemaDigest } from '@runseal/projections';
import { registryProjection } from '@runseal/registry';
import { describeWithKafka, findFreePort, findKafka, waitFor } from '@runseal/testing';
import { Load } from './load.fixture.js';
import { REPOSITORY, ScaledSite } from './scaled/scaled-site.js';

const PROJECTIONS = { lineage: lineageProjection, gates: gatesProjection, registry: registryProjection } as const;
type Reader = keyof typeof PROJECTIONS;
const READERS = Object.keys(PROJECTIONS) as Reader[];
const MODEL = 'tiny-llama-demo';

interface Imported {
  run_id: string;
  state: string;
  events: number;
  sealed: number;
  duplicates: number;
}

interface Status {
  newest: { epoch: number; seq: number };
  readers: { name: string; position: { seq: number } | null; stopped: unknown }[];
}

let home: string;
let site: ScaledSite;
let superuser: Pool;
let load: Load;
/** The one child that is not one of the site's: the standalone at the end. */
let standalone: ChildProcess | null = null;

/** The real command line, against the console's address. */
async function runseal<T>(
  args: readonly string[],
  more: Record<string, string> = {},
): Promise<{ code: number; json: T }> {
  const child = spawn(process.execPath, [join(REPOSITORY, 'apps/cli/bin/runseal.js'), '--json', ...args], {
    cwd: home,
    env: {
      PATH: '',
      HOME: home,
      XDG_CONFIG_HOME: home,
      RUNSEAL_URL: site.url,
      RUNSEAL_API_KEY: site.apiKey,
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = await new Promise<number>((resolve) => child.once('close', (ended) => resolve(ended ?? -1)));
  try {
    return { code, json: JSON.parse(out) as T };
  } catch (cause) {
    throw new Error(`runseal ${args.join(' ')} ended with ${code}: ${out}${err}`, { cause });
  }
}

const importDemo = (name: string) => {
  const folder = join(REPOSITORY, 'apps/cli/demo', name);
  const files = ['--dataset', join(folder, 'train.json'), '--facts', join(folder, 'facts.yaml')];
  return runseal<Imported>(['import', 'llamafactory', folder, '--experiment', 'demo', ...files]);
};

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${site.url}${path}`, { headers: { authorization: `Bearer ${site.apiKey}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

const overallOf = async (run: string) =>
  (await get<{ items: { overall: string }[] }>(`/v1/runs/${run}/gates?limit=1`)).items[0]?.overall ?? null;
const versions = async () =>
  (await get<{ items: { stage: string; run_id: string }[] }>(`/v1/models/${MODEL}/versions`)).items;

const readSeq = async (name: Reader) => {
  const { readers } = await get<Status>('/v1/status');
  return readers.find((reader) => reader.name === name)?.position?.seq ?? -1;
};

/** Waits until every reader stands at the newest record, and no record comes of it. */
const rest = () =>
  waitFor(
    'every reader at the newest record',
    async () => {
      const { newest, readers } = await get<Status>('/v1/status');
      expect(readers.filter(({ stopped }) => stopped !== null)).toEqual([]);
      const isThere = READERS.every((name) =>
        readers.some((reader) => reader.name === name && reader.position?.seq === newest.seq),
      );
      return isThere && newest.seq;
    },
    60_000,
  );

async function records(): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for await (const page of streamRecords(superuser, { ledger: 'default', from: 0 })) all.push(...page);
  return all;
}

async function digests(pool: Pool): Promise<Record<Reader, SchemaDigest>> {
  const all = await Promise.all(READERS.map((name) => digestTables(pool, schemaOf(PROJECTIONS[name]))));
  return Object.fromEntries(READERS.map((name, at) => [name, all[at]])) as Record<Reader, SchemaDigest>;
}

/** The session of Postgres through which one of the ingest processes leads the relay. */
const relayLeader = () =>
  waitFor('a relay that leads', async () => {
    const { rows } = await superuser.query<{ pid: number }>(
      `select a.pid from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.locktype = 'advisory' and l.granted
       where a.application_name = 'runseal-leader runseal-relay default'`,
    );
    return rows[0]?.pid;
  });

async function killAndStart(name: string): Promise<void> {
  await site.service(name).end('SIGKILL');
  await site.startService(name);
}

/**
 * Docker-compose.yml's processes, without containers, over a real Kafka. Each is killed once while it is at work; what comes of it
 * must be what one process without Kafka makes of the same ledger.
 */
describeWithKafka('the services, each in a process of its own', await findKafka(), () => {
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'runseal-scaled-'));
    site = await ScaledSite.start({ folder: join(home, 'site'), port: await findFreePort() });
    await site.rememberLog(knownLogsPath(home));
    superuser = openPool({ url: site.databaseUrl, applicationName: 'test-superuser', connectionsMax: 3 });
    load = new Load(site.apiKey, 50);
  }, 120_000);

  afterAll(async () => {
    await load?.stop();
    await endStandalone();
    if (superuser && !superuser.ended) await superuser.end();
    await site?.stop();
    if (home) await rm(home, { recursive: true, force: true });
  }, 60_000);

  let good: string;
  let bad: string;

  it('take in a run, sealed once, though ingest is killed while it seals', async () => {
    const lock = await superuser.connect();
    await lock.query('begin');
    await lock.query('select from ledger.ledgers for update');
    const importing = importDemo('healthy-lora');
    await waitFor('a seal under way', async () => {
      const { rowCount } = await superuser.query(
        `select from pg_stat_activity where application_name = 'runseal-ingest-seal' and wait_event_type = 'Lock'`,
      );
      return rowCount === 1;
    });
    // One of the two has the request; which one is the console's turn.
    await Promise.all(['ingest-1', 'ingest-2'].map((name) => site.service(name).end('SIGKILL')));
    await lock.query('rollback');
    lock.release();
    await Promise.all(['ingest-1', 'ingest-2'].map((name) => site.startService(name)));
    const { code, json } = await importing;
    expect([code, json.state, json.sealed + json.duplicates]).toEqual([0, 'finished', json.events]);
    good = json.run_id;
    const stream = `run/${good}`;
    const own = (await records()).filter((record) => record.stream === stream && record.event_id.startsWith('01'));
    expect(new Set(own.map(({ event_id }) => event_id)).size).toBe(own.length);
    const again = await importDemo('healthy-lora');
    expect(again).toMatchObject({ code: 0, json: { run_id: good, sealed: 0 } });
  }, 90_000);

  it('judge it without a baseline with warnings; accepted by a person, its version becomes Candidate', async () => {
    await waitFor('a verdict', () => overallOf(good));
    expect(await overallOf(good)).toBe('warnings');
    const accepted = await runseal(['accept-warnings', good, '--reason', 'the first of its model']);
    expect(accepted.code).toBe(0);
    await waitFor('Candidate', async () => (await versions())[0]?.stage === 'Candidate');
    const set = await runseal([
      'baseline',
      'set',
      '--model',
      MODEL,
      '--run',
      good,
      '--reason',
      'the first of its model',
    ]);
    expect(set.code).toBe(0);
    await rest();
  }, 60_000);

  it('lose and double nothing when each reader is killed while records come in', async () => {
    load.start(2, () => site.url);
    await load.grows(50);
    const started: Promise<void>[] = [];
    for (const name of READERS) {
      const before = await readSeq(name);
      await waitFor(`${name} at work`, async () => (await readSeq(name)) > before);
      // Not awaited one by one: Kafka gives a dead reader's share away only after some seconds.
      started.push(killAndStart(name));
    }
    await Promise.all(started);
  }, 120_000);

  it('block the second run against the baseline, though gates and registry are killed before they have answered', async () => {
    const importing = importDemo('overfit-full');
    await waitFor('the run’s end', async () => {
      const { rowCount } = await superuser.query(
        `select from ledger.records where type = 'run.finished' and stream <> $1`,
        [`run/${good}`],
      );
      return rowCount === 1;
    });
    await Promise.all([killAndStart('gates'), killAndStart('registry')]);
    const { code, json } = await importing;
    expect([code, json.state]).toEqual([0, 'finished']);
    bad = json.run_id;
    await waitFor('a verdict', () => overallOf(bad), 60_000);
    expect(await overallOf(bad)).toBe('blocked');
    expect((await runseal(['why', bad])).code).toBe(1);
  }, 120_000);

  it('go on when whoever relays is killed, and the console', async () => {
    const before = await relayLeader();
    await killAndStart('ingest-1');
    await relayLeader();
    await killAndStart('ingest-2');
    expect(await relayLeader()).not.toBe(before);
    await killAndStart('console');
    await load.grows(50);
  }, 120_000);

  it('go on when the broker is killed: sealing meanwhile, reading again once it is back', async () => {
    if (!site.kafka.isOurs) return;
    await site.kafka.kill();
    await load.grows(50);
    await site.kafka.restart();
    const sealed = load.acknowledged.at(-1)?.seq ?? 0;
    for (const name of READERS)
      await waitFor(`${name} past record ${sealed}`, async () => (await readSeq(name)) > sealed, 60_000);
  }, 180_000);

  it('hold every acknowledged event once, one verdict a trigger and one registration a run, and verify', async () => {
    await load.stop();
    await load.expectKept(records, site.url);
    await rest();
    const count = async (sql: string) => (await superuser.query<{ n: number }>(sql)).rows.map(({ n }) => n);
    const ofType = (type: string) => `
      from ledger.records r join ledger.payloads p using (ledger, seq) where r.type = '${type}'`;
    const payload = `convert_from(p.payload, 'UTF8')::jsonb`;
    expect(
      await count(
        `select count(*) as n ${ofType('run.gates-evaluated')} group by r.stream, ${payload}->'trigger' having count(*) > 1`,
      ),
    ).toEqual([]);
    expect(await count(`select count(*) as n ${ofType('model.version-registered')}`)).toEqual([2]);
    expect((await versions()).map(({ run_id, stage }) => [run_id, stage])).toEqual([
      [bad, 'None'],
      [good, 'Candidate'],
    ]);
    expect(await runseal(['verify'])).toMatchObject({ code: 0, json: { verdict: 'intact', trust: 'known-log' } });
  }, 120_000);

  it('stand where a rebuild and a standalone without Kafka come to, to the byte', async () => {
    for (const name of READERS) {
      const { DATABASE_URL: url = '' } = site.environmentOf(name);
      const rebuilt = await runseal(['rebuild', name, '--database', url]);
      expect(rebuilt).toMatchObject({
        code: 0,
        json: { rebuilt: [{ service: name, outcome: 'swapped', differing: [] }] },
      });
    }
    const wanted = await digests(superuser);
    // Not equal for being empty: the runs, their verdicts and versions are in there.
    for (const [name, table] of [
      ['lineage', 'runs'],
      ['gates', 'verdicts'],
      ['registry', 'versions'],
    ] as const)
      expect(wanted[name].tables[table]?.rows).toBeGreaterThan(1);
    const size = (await records()).length;
    const alone = await startStandalone();
    const pool = openPool({ url: alone.database_url, applicationName: 'test-standalone', connectionsMax: 3 });
    try {
      expect(await digests(pool)).toEqual(wanted);
      const { rows } = await pool.query<{ size: number }>('select count(*) as size from ledger.records');
      expect(rows).toEqual([{ size }]);
    } finally {
      await pool.end();
    }
  }, 180_000);
});

/**
 * The standalone, on this very ledger, heads and signing key, with read tables that are empty again: two installations never hold the
 * same bytes (salts, times and names differ), so the same ledger is read twice. It projects and decides everything anew, by
 * LISTEN and polling in one process. What it decides it seals again, and gets the first receipts: the ledger may not grow by it.
 */
async function startStandalone(): Promise<{ url: string; database_url: string }> {
  const { DATABASE_URL, RUNSEAL_INSTALL, RUNSEAL_SIGNING_KEY_FILE = '' } = site.environmentOf('ingest-1');
  const newest = await rest();
  for (const service of [...site.services.values()].reverse()) await service.end('SIGTERM');
  for (const name of READERS) await emptySchema(schemaOf(PROJECTIONS[name]));
  await superuser.end();
  const password = new URL(DATABASE_URL ?? '').password;
  await site.stop();
  const [data, from] = [join(home, 'standalone'), join(home, 'site')];
  await mkdir(join(data, 'keys'), { recursive: true });
  await cp(join(from, 'heads'), join(data, 'heads'), { recursive: true });
  await cp(RUNSEAL_SIGNING_KEY_FILE, join(data, 'keys', 'signing-key'));
  await rename(join(from, 'postgres'), join(data, 'postgres'));
  await writeFile(join(data, 'postgres.made'), '');
  const installation = { format: 1, version: '0.1.0', install: RUNSEAL_INSTALL, superuser_password: password };
  await writeFile(join(data, 'installation.json'), JSON.stringify(installation));
  const port = await findFreePort();
  standalone = spawn(
    process.execPath,
    [join(REPOSITORY, 'apps/cli/bin/runseal.js'), 'standalone', '--port', String(port), '--data', data],
    { cwd: home, env: { PATH: '/usr/bin:/bin', HOME: home, XDG_CONFIG_HOME: home }, stdio: 'ignore' },
  );
  const credentials = await waitFor(
    'the standalone’s credentials',
    () => readFile(join(data, 'credentials.json'), 'utf8').catch(() => null),
    60_000,
  );
  const { url, api_key, database_url } = JSON.parse(credentials) as Record<string, string>;
  await waitFor(
    'the standalone’s readers',
    async () => {
      const response = await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${api_key}` } });
      const { readers } = (await response.json()) as Status;
      return READERS.every((name) =>
        readers.some((reader) => reader.name === name && (reader.position?.seq ?? -1) >= newest),
      );
    },
    60_000,
  );
  return { url: url ?? '', database_url: database_url ?? '' };
}

/** By a signal that lets it stop its Postgres. */
async function endStandalone(): Promise<void> {
  if (!standalone) return;
  const ended = new Promise((resolve) => standalone?.once('close', resolve));
  standalone.kill('SIGTERM');
  await ended;
}

async function emptySchema(schema: string): Promise<void> {
  const { rows } = await superuser.query<{ table: string }>(
    `select format('%I.%I', schemaname, tablename) as table from pg_tables where schemaname = $1`,
    [schema],
  );
  expect(rows).not.toEqual([]);
  await superuser.query(`drop table ${rows.map(({ table }) => table).join(', ')} cascade`);
}
