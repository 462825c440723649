import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openHead, verifyConsistency } from '@runseal/chain';
import { ed25519Verify, sha256 } from '@runseal/chain/node';
import {
  DirectoryHeadStore,
  findNewestEpoch,
  noteSigner,
  readConsistencyProof,
  readHead,
  type Receipt,
} from '@runseal/ledger';
import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { metricsOf, Workplace, type ServedIngest, type Submitted } from './ingest-service.fixture.js';
import { PostgresTileStore } from './postgres-tile-store.js';

let server: TestServer;
let workplace: Workplace;
let key: string;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);

afterAll(async () => {
  await server?.remove();
});

beforeEach(async () => {
  workplace = await Workplace.open(server);
  key = await workplace.createKey();
});

afterEach(async () => {
  await workplace?.close();
});

const many = (count: number) => Array.from({ length: count }, () => metricsOf(uuidv7()));
const submit = async (door: ServedIngest, events: readonly Submitted[], more: object = {}) => {
  const answer = await door.post(key, { events, ...more });
  if (answer.status !== 201) throw new Error(`found ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.receipts;
};

/** A refusal that a client retries, and after which the ledger is as it was. */
async function expectClosed(door: ServedIngest, code: string): Promise<void> {
  const before = await workplace.countRecords();
  const { status, headers, body } = await door.post(key, { events: many(1) });
  expect([status, headers.get('retry-after'), body.code]).toEqual([503, '1', code]);
  expect(await workplace.countRecords()).toBe(before);
}

const waitUntilOpen = (door: ServedIngest) =>
  waitFor('an open door', async () => (await door.post(key, { events: many(1) })).status === 201, 6_000);

/** As after the restore of an older copy: takes away all records from `size` on. */
async function setBack(size: number): Promise<void> {
  await workplace.superuser.query(`
    create schema newer;
    create table newer.payloads as select * from ledger.payloads;
    create table newer.records as select * from ledger.records;
    create table newer.ledgers as select * from ledger.ledgers;
    with p as (delete from ledger.payloads where seq >= ${size}), r as (delete from ledger.records where seq >= ${size})
    update ledger.ledgers set size = ${size}, newest_hash = kept.hash, epoch = kept.epoch
    from ledger.records kept
    where kept.seq = ${size} - 1`);
}

/** The records that were taken away are there again. */
async function bringBack(): Promise<void> {
  await workplace.superuser.query(`
    insert into ledger.payloads select * from newer.payloads on conflict do nothing;
    insert into ledger.records select * from newer.records on conflict do nothing;
    update ledger.ledgers set size = n.size, newest_hash = n.newest_hash from newer.ledgers n`);
}

describe('the first start', () => {
  it('seals ledger.opened and publishes head 0 before anything else, also with three replicas at once', async () => {
    const doors = await Promise.all([workplace.serve(), workplace.serve(), workplace.serve()]);
    const receipts = await Promise.all(doors.map((door) => submit(door, many(1))));
    expect(
      receipts
        .flat()
        .map(({ seq }) => seq)
        .sort(),
    ).toEqual([1, 2, 3]);
    const { rows } = await workplace.superuser.query('select type from ledger.records where seq = 0');
    expect(rows).toEqual([{ type: 'ledger.opened' }]);
    const head = await readHead(new DirectoryHeadStore(workplace.headsFolder), 0, 0);
    expect(head?.note.split('\n')[1]).toBe('1');
  });
});

describe('a store of heads', () => {
  it('that cannot be reached at the start keeps the door closed until it is back, for readers open', async () => {
    await submit(await workplace.serve(), many(3));
    const mount = join(workplace.folder, 'mount');
    await writeFile(mount, 'not a folder');
    const door = await workplace.serve({ headsFolder: join(mount, 'heads') });
    await expectClosed(door, 'not_open');
    expect((await door.get('/health/ready')).status).toBe(503);
    expect((await door.get('/health/live')).status).toBe(200);
    expect((await door.get('/v1/records', key)).status).toBe(200);
    await rm(mount);
    await mkdir(mount);
    await rename(workplace.headsFolder, join(mount, 'heads'));
    await waitUntilOpen(door);
    await waitFor('readiness', async () => (await door.get('/health/ready')).ok, 20_000);
  }, 20_000);

  it('that is empty although the ledger is not, closes it until the heads are brought back', async () => {
    const before = await workplace.serve();
    await submit(before, many(3));
    await before.headOf(key, 4);
    await before.close();
    await rename(workplace.headsFolder, `${workplace.headsFolder}-away`);
    const door = await workplace.serve();
    // Closed means unsigned too: a head made now would vouch for a database that nobody can compare with anything.
    for (const until = Date.now() + 3_000; Date.now() < until;) await expectClosed(door, 'head_store_empty');
    expect(await findNewestEpoch(new DirectoryHeadStore(workplace.headsFolder))).toBeNull();
    await rm(workplace.headsFolder, { recursive: true, force: true });
    await rename(`${workplace.headsFolder}-away`, workplace.headsFolder);
    await waitUntilOpen(door);
  }, 20_000);

  it('that holds heads of an empty ledger closes it: ledger_behind', async () => {
    const before = await workplace.serve();
    await submit(before, many(3));
    await before.close();
    await workplace.superuser.query(
      `with p as (delete from ledger.payloads), r as (delete from ledger.records) delete from ledger.ledgers`,
    );
    await expectClosed(await workplace.serve(), 'ledger_behind');
  });

  it('that knows records which the database lacks closes it: ledger_behind', async () => {
    const before = await workplace.serve();
    await submit(before, many(3));
    await before.headOf(key, 4);
    await before.close();
    await setBack(2);
    const door = await workplace.serve();
    await expectClosed(door, 'ledger_behind');
    const lines = door.lines.map((line) => JSON.parse(line));
    expect(lines).toContainEqual(expect.objectContaining({ security: true, code: 'ledger_behind' }));
  });
});

describe('a new epoch', () => {
  let door: ServedIngest;
  let replica: ServedIngest;
  let events: Submitted[];
  let receipts: Receipt[];

  const openEpoch = (by = key) =>
    door.post(by, { reason: 'The disk of the primary was lost.' }, { path: '/v1/ledger/epochs' });
  const knownOf = ({ epoch, seq, hash }: Receipt) => ({ epoch, seq, hash });

  /** Heads over 1, 4 and 9 records; then records 6 to 8 are lost, under running services. */
  beforeEach(async () => {
    door = await workplace.serve();
    replica = await workplace.serve();
    events = many(8);
    receipts = [...(await submit(door, events.slice(0, 3)))];
    await door.headOf(key, 4);
    receipts.push(...(await submit(replica, events.slice(3))));
    await door.headOf(key, 9);
    // The first sealed none of the last records: it knows them by the head alone.
    const isLearned = async () => door.ingest.parts.door.anchor?.seq === 8;
    await waitFor('the anchor of the newest head', isLearned, 20_000);
    await setBack(6);
    await expectClosed(door, 'ledger_behind');
    await expectClosed(replica, 'ledger_behind');
  }, 30_000);

  it('has a head 0 that extends the newest older head over kept records only, and heads go on', async () => {
    await openEpoch();
    await submit(door, many(2));
    const store = new DirectoryHeadStore(workplace.headsFolder);
    await waitFor('the next head', () => readHead(store, 1, 1), 20_000);
    const tiles = new PostgresTileStore(workplace.pool, 'default');
    const open = async (epoch: number, number: number) => {
      const { note } = (await readHead(store, epoch, number))!;
      return { note, ...openHead(ed25519Verify, note, [noteSigner(workplace.identity, epoch).key]) };
    };
    const [old, first, next] = [await open(0, 1), await open(1, 0), await open(1, 1)];
    expect([old.size, first.size, next.size]).toEqual([4, 7, 9]);
    for (const [older, newer] of [
      [old, first],
      [first, next],
    ] as const) {
      const path = await readConsistencyProof(tiles, older.size, newer.size);
      const claim = { oldSize: older.size, oldRoot: older.root, size: newer.size, root: newer.root, path: path! };
      verifyConsistency(sha256, claim);
    }
    const isShown = async () => (await (await door.get('/v1/log/default/checkpoint', key)).text()) === next.note;
    await waitFor('the newest head in the log', isShown, 20_000);
    for (const seq of [0, 5, 6, 8]) expect((await door.get(`/v1/records/${seq}/evidence`, key)).status).toBe(200);
  }, 20_000);

  it('is opened by an admin’s command only, seals what was lost and why, and is followed by every replica', async () => {
    expect((await openEpoch(await workplace.createKey(['read', 'events:write']))).status).toBe(403);
    const { status, body } = await openEpoch();
    expect(status).toBe(201);
    expect(body).toMatchObject({ epoch: 1, seq: 6, duplicate: false });
    const record = (await (await door.get('/v1/records/6', key)).json()) as { epoch: number; payload: string };
    expect(record.epoch).toBe(1);
    expect(JSON.parse(record.payload)).toMatchObject({
      epoch: 1,
      old_head: { epoch: 0, size: 9 },
      kept_size: 6,
      lost: { from: 6, to: 8 },
      reason: 'The disk of the primary was lost.',
      person: expect.stringMatching(/^p_/),
    });
    expect((await submit(door, many(1)))[0]).toMatchObject({ epoch: 1, seq: 7 });
    await waitUntilOpen(replica);
    await replica.headOf(key, 9);
  }, 20_000);

  it('tells submitters whose last receipt was lost where to send again from; then everything is there once', async () => {
    await openEpoch();
    const late = await door.post(key, { events: many(1), known: knownOf(receipts.at(-1)!) });
    expect(late.status).toBe(409);
    expect(late.body).toMatchObject({ code: 'epoch_changed', epoch: 1, kept_size: 6 });
    // A receipt of what was kept is as good as before.
    await submit(door, many(1), { known: knownOf(receipts[4]!) });
    const again = await submit(door, events);
    expect(again.map(({ duplicate }) => duplicate)).toEqual([true, true, true, true, true, false, false, false]);
    expect(again.slice(0, 5)).toEqual(receipts.slice(0, 5).map((receipt) => ({ ...receipt, duplicate: true })));
    expect(again.slice(5).map(({ epoch, seq }) => [epoch, seq])).toEqual([
      [1, 8],
      [1, 9],
      [1, 10],
    ]);
    await submit(door, many(1), { known: knownOf(again.at(-1)!) });
  });

  it('is not needed where the newer database is brought back: then sealing goes on', async () => {
    await bringBack();
    expect((await submit(door, many(1)))[0]).toMatchObject({ epoch: 0, seq: 9 });
    expect((await submit(replica, many(1)))[0]).toMatchObject({ epoch: 0, seq: 10 });
  });
});
