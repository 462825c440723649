import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatOrigin, signHead } from '@runseal/chain';
import { generateEd25519 } from '@runseal/chain/node';
import { TestServer, waitFor } from '@runseal/testing';
import { noteSigner } from './head-signer.js';
import { DirectoryHeadStore, keepAnchor, publishHead } from './head-store.js';
import type { Anchor } from './seal-batch.js';
import { SealingDoor } from './sealing-door.js';
import { event, request, TestDatabase, type TestLedger } from './test-database.fixture.js';

describe('the door of a service that does not open the ledger', () => {
  const { privateKey } = generateEd25519();
  let server: TestServer;
  let database: TestDatabase;
  let ledger: TestLedger;
  let folder: string;
  let store: DirectoryHeadStore;
  let door: SealingDoor;
  let states: (string | null)[];
  let heads: number;

  beforeAll(async () => {
    server = await TestServer.start(18);
    database = await TestDatabase.open(await server.createDatabase());
  });
  afterAll(async () => {
    await database?.close();
    await server?.remove();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runseal-heads-'));
    store = new DirectoryHeadStore(folder);
    ledger = await database.openLedger();
    states = [];
    heads = 0;
    door = new SealingDoor({
      pool: database.ingest,
      ledger: ledger.name,
      store,
      onState: (trouble) => states.push(trouble?.message ?? null),
      retry_ms: 20,
    });
  });
  afterEach(async () => {
    door.close();
    await rm(folder, { recursive: true });
  });

  /** Publishes a head over all that the ledger holds, with its anchor. */
  const publish = async () => {
    const anchor = (await ledger.anchor()) as Anchor;
    const identity = { install: 'test', ledger: ledger.name, privateKey };
    const origin = formatOrigin({ install: 'test', ledger: ledger.name, epoch: 0 });
    const head = { origin, size: anchor.seq + 1, root: Buffer.alloc(32, heads) };
    const stored = { epoch: 0, number: heads++, note: signHead(head, [noteSigner(identity, 0)]) };
    await keepAnchor(store, stored, anchor);
    await publishHead(store, stored);
  };
  const codeOf = (sealing: Promise<unknown>) =>
    sealing.then(
      () => 'sealed',
      (error: { code?: string }) => error.code,
    );

  it('refuses until there is an outside head, then seals, and says both once', async () => {
    await door.open();
    expect([door.isOpen, await codeOf(door.seal(request(event())))]).toEqual([false, 'not_open']);
    await publish();
    await waitFor('the door to open', () => door.isOpen);
    expect(await codeOf(door.seal(request(event())))).toBe('sealed');
    expect(states).toEqual([expect.stringContaining('no signed head'), null]);
  });

  it('learns what others sealed from their heads, so that it seals on no older copy', async () => {
    await publish();
    await door.open();
    await ledger.seal([request(event()), request(event())]);
    await publish();
    await waitFor('the newer head to be known', () => door.anchor?.seq === 2);
    await ledger.setBack(2);
    expect(await codeOf(door.seal(request(event())))).toBe('ledger_behind');
  });

  it('refuses with the store’s own trouble while that cannot be read', async () => {
    const broken = new SealingDoor({
      pool: database.ingest,
      ledger: ledger.name,
      store: { createIfAbsent: () => Promise.reject(new Error('gone')), read: () => Promise.reject(new Error('gone')) },
      onState: () => undefined,
    });
    await broken.open();
    await expect(broken.seal(request(event()))).rejects.toThrow('not open yet: gone');
    broken.close();
  });
});
