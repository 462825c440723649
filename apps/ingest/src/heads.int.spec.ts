import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openHead, verifyConsistency, type Head } from '@runseal/chain';
import { ed25519Verify, sha256 } from '@runseal/chain/node';
import {
  BrokenLedgerError,
  DirectoryHeadStore,
  HeadSigner,
  noteSigner,
  readConsistencyProof,
  readHead,
} from '@runseal/ledger';
import { openDirectConnection, type DirectConnection } from '@runseal/postgres';
import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { metricsOf, Workplace, type ServedIngest } from './ingest-service.fixture.js';
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

const submit = async (door: ServedIngest, count: number) => {
  const { status } = await door.post(key, { events: Array.from({ length: count }, () => metricsOf(uuidv7())) });
  expect(status).toBe(201);
};

const store = () => new DirectoryHeadStore(workplace.headsFolder);
const tiles = () => new PostgresTileStore(workplace.pool, 'default');
const newSigner = () =>
  new HeadSigner({ pool: workplace.pool, store: store(), tiles: tiles(), identity: workplace.identity });

/** All heads of epoch 0 in order, each with a signature that is right. */
async function readHeads(): Promise<Head[]> {
  const heads: Head[] = [];
  for (;;) {
    const stored = await readHead(store(), 0, heads.length);
    if (!stored) return heads;
    heads.push(openHead(ed25519Verify, stored.note, [noteSigner(workplace.identity, 0).key]));
  }
}

/** Every head is over more records than the one before, and its tree extends that one's. */
async function expectEachToExtend(heads: readonly Head[]): Promise<void> {
  for (const [number, head] of heads.entries()) {
    const older = heads[number - 1];
    if (!older) continue;
    expect(head.size).toBeGreaterThan(older.size);
    const path = await readConsistencyProof(tiles(), older.size, head.size);
    verifyConsistency(sha256, {
      oldSize: older.size,
      oldRoot: older.root,
      size: head.size,
      root: head.root,
      path: path!,
    });
  }
}

/** Keeps every service from signing until it is released: holds the signer's lock. */
async function holdSigning(): Promise<DirectConnection> {
  const connection = await openDirectConnection(workplace.databaseUrl, 'test-lock');
  await connection.query(`select pg_advisory_lock(hashtextextended('runseal-signer default', 0))`);
  return connection;
}

const securityLines = (door: ServedIngest) =>
  door.lines.map((line) => JSON.parse(line)).filter(({ security }) => security === true);

describe('heads', () => {
  it('are numbered without a hole, each extends the one before, and the directory holds nothing else', async () => {
    const door = await workplace.serve();
    for (const [count, size] of [
      [1, 2],
      [255, 257],
      [300, 557],
    ] as const) {
      await submit(door, count);
      await door.headOf(key, size);
    }
    const heads = await readHeads();
    expect([heads[0]?.size, heads.at(-1)?.size]).toEqual([1, 557]);
    await expectEachToExtend(heads);
    const files = await readdir(join(workplace.headsFolder, '0'));
    expect(files.filter((name) => !/^\d+(-[0-9a-f]{16}\.anchor)?$/.test(name))).toEqual([]);
  });

  it('have one note a number where several signers race, none of which stops or skips', async () => {
    const door = await workplace.serve();
    const lock = await holdSigning();
    try {
      let isSealing = true;
      const published: { number: number; note: string }[] = [];
      const sign = async (signer: HeadSigner) => {
        do {
          const head = await signer.signNewest();
          if (head) published.push(head);
        } while (isSealing);
        await signer.signNewest();
      };
      const seal = async () => {
        for (let n = 0; n < 60; n++) await submit(door, 3);
        isSealing = false;
      };
      const signers = Array.from({ length: 3 }, newSigner);
      await Promise.all([seal(), ...signers.map(sign)]);
      // Each can take over: at most one call is lost to the number that another one took.
      for (const signer of signers) {
        await submit(door, 1);
        const head = (await signer.signNewest()) ?? (await signer.signNewest());
        expect(head).not.toBeNull();
        published.push(head!);
      }
      const heads = await readHeads();
      expect(heads.at(-1)?.size).toBe(await workplace.countRecords());
      expect(heads.length).toBeGreaterThan(20);
      await expectEachToExtend(heads);
      // Whoever was told that its head is published, that one is in the store, and nobody was told the same number twice.
      for (const { number, note } of published) expect((await readHead(store(), 0, number))?.note).toBe(note);
      expect(new Set(published.map(({ number }) => number)).size).toBe(published.length);
    } finally {
      await lock.end();
    }
  }, 30_000);

  it('are signed by one of several replicas, and by the next when that one ends', async () => {
    const [first, second] = [await workplace.serve(), await workplace.serve()];
    await submit(first, 10);
    await first.headOf(key, 11);
    await first.close();
    await submit(second, 10);
    await second.headOf(key, 21);
    await expectEachToExtend(await readHeads());
  });
});

describe('the cache of tiles', () => {
  const spoilings = [
    ['is deleted', 'delete from ingest.tiles'],
    ['has lost one tile in the middle', 'delete from ingest.tiles where level = 0 and index = 1'],
    ['has lost its right edge', 'delete from ingest.tiles where level = 0 and index = 2'],
    [
      'has a wrong hash in the middle',
      `update ingest.tiles set hashes = overlay(hashes placing '\\x00'::bytea from 100) where level = 0 and index = 1`,
    ],
    [
      'has a wrong hash at its right edge',
      `update ingest.tiles set hashes = overlay(hashes placing '\\x00'::bytea from 5) where level = 0 and index = 2`,
    ],
    [
      'has a wrong hash in an upper tile',
      `update ingest.tiles set hashes = overlay(hashes placing '\\x00'::bytea from 5) where level = 1`,
    ],
    ['is narrower than it was', 'update ingest.tiles set hashes = substring(hashes from 1 for 32)'],
  ] as const;

  it('that is spoiled in any of these ways is made again from the records', async () => {
    let door = await workplace.serve();
    await submit(door, 400);
    await submit(door, 199);
    await door.headOf(key, 600);
    const read = async () =>
      JSON.stringify((await workplace.superuser.query('select * from ingest.tiles order by level, index')).rows);
    const whole = await read();
    for (const [what, sql] of spoilings) {
      await door.close();
      await workplace.superuser.query(sql);
      expect([what, (await read()) === whole]).toEqual([what, false]);
      door = await workplace.serve();
      for (const seq of [0, 255, 300, 599])
        expect([what, (await door.get(`/v1/records/${seq}/evidence`, key)).status]).toEqual([what, 200]);
      await waitFor(`whole tiles after the cache ${what}`, async () => (await read()) === whole, 20_000);
    }
    await submit(door, 1);
    await door.headOf(key, 601);
    await expectEachToExtend(await readHeads());
  }, 30_000);
});

describe('a record changed in the database before it was signed', () => {
  it.each([
    [
      'its envelope',
      `update ledger.records set envelope = replace(convert_from(envelope, 'UTF8'), 'logged', 'lagged')::bytea where seq = 5`,
      5,
    ],
    ['its hash', 'update ledger.records set hash = sha256(hash) where seq = 5', 5],
    ['its link', 'update ledger.records set prev_hash = sha256(hash) where seq = 5', 5],
    ['its payload’s digest', 'update ledger.records set payload_digest = sha256(hash) where seq = 5', 5],
    ['its presence', 'delete from ledger.records where seq = 5', 5],
    ['the end of the ledger', 'update ledger.ledgers set size = size + 1', 11],
  ])('(%s) stops the signer: it says so once, and signs nothing more', async (_what, sql, seq) => {
    const lock = await holdSigning();
    const door = await workplace.serve();
    await submit(door, 10);
    await workplace.superuser.query(sql);
    await lock.end();
    const line = await waitFor('the security line', () =>
      securityLines(door).find(({ msg }) => msg === 'no head can be published'),
    );
    expect(line).toMatchObject({
      level: 'error',
      err: { type: 'BrokenLedgerError', message: expect.stringContaining(` ${seq}`) },
    });
    // A signer that starts anew finds the same.
    await expect(newSigner().signNewest()).rejects.toBeInstanceOf(BrokenLedgerError);
    expect((await readHeads()).map(({ size }) => size)).toEqual([1]);
  });

  it('before the head that covers it is found when the tiles are made again', async () => {
    const door = await workplace.serve();
    await submit(door, 10);
    await door.headOf(key, 11);
    await door.close();
    await workplace.superuser.query(`update ledger.records set hash = sha256(hash) where seq = 3`);
    await workplace.superuser.query('delete from ingest.tiles');
    await expect(newSigner().signNewest()).rejects.toMatchObject({ name: 'BrokenLedgerError', seq: 3 });
  });
});
