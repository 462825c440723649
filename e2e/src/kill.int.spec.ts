import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { Load, metricsOf, post, postAtLast } from './load.fixture.js';
import { Site } from './site.fixture.js';
import { SwallowingProxy } from './swallowing-proxy.fixture.js';

let server: TestServer;
let site: Site;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);

afterAll(async () => {
  await server?.remove();
});

beforeEach(async () => {
  site = await Site.open(await server.createDatabase());
});

afterEach(async () => {
  await site?.close();
});

/** Locks something in a transaction of its own; returns how to let go of it. */
async function hold(sql: string): Promise<() => Promise<void>> {
  const client = await site.superuser.connect();
  await client.query('begin');
  await client.query(sql);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

/** Waits until a session of ingest stands at a lock in this database, so that the process is known to be inside. */
const waitUntilStuck = (application: string) =>
  waitFor(`${application} at a lock`, async () => {
    const { rows } = await site.superuser.query(
      `select from pg_stat_activity where datname = current_database() and application_name = $1 and wait_event_type = 'Lock'`,
      [application],
    );
    return rows.length > 0;
  });

const waitUntilIdle = (application: string) =>
  waitFor(`the end of ${application}’s statement`, async () => {
    const { rows } = await site.superuser.query(
      `select from pg_stat_activity where datname = current_database() and application_name = $1 and state = 'active'`,
      [application],
    );
    return rows.length === 0;
  });

/** A small pseudo-random generator (mulberry32): the same kills in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('ingest killed', () => {
  it('at random moments under load loses nothing that it acknowledged, doubles nothing, and every head holds', async () => {
    const random = randomFrom(20_260_126);
    const load = new Load(site.key);
    let ingest = await site.start();
    const { port } = ingest;
    load.start(6, () => ingest.url);
    for (let round = 0; round < 8; round++) {
      await load.grows(1);
      const delay_ms = random() * 700;
      await new Promise((resolve) => setTimeout(resolve, delay_ms));
      await ingest.kill();
      ingest = await site.start({ port });
    }
    await load.stop();
    expect(load.unknown.length).toBeGreaterThan(10);
    await load.expectKept(() => site.records(), ingest.url);
    await site.expectIntact();
  }, 90_000);

  it('while it waits inside seal: the request is sealed whole or not at all, and its retry gets the first receipt', async () => {
    const ingest = await site.start();
    const events = [metricsOf(uuidv7()), metricsOf(uuidv7())];
    const release = await hold('select from ledger.ledgers for update');
    const answer = post(ingest.url, site.key, events).catch(() => null);
    await waitUntilStuck('runseal-ingest-seal');
    await ingest.kill();
    expect(await answer).toBeNull();
    await release();
    await waitUntilIdle('runseal-ingest-seal');
    const stored = (await site.records()).filter(({ event_id }) => events.some(({ id }) => id === event_id));
    const next = await site.start();
    const again = await postAtLast(next.url, site.key, events);
    if (stored.length > 0) expect(again.map(({ seq }) => seq)).toEqual(stored.map(({ seq }) => seq));
    expect(await site.records()).toHaveLength(3);
    await site.expectIntact();
  }, 30_000);

  it('after the commit, before it could answer: the retry gets the first receipt', async () => {
    const proxy = await SwallowingProxy.start(Number(new URL(site.databaseUrl).port));
    const databaseUrl = Object.assign(new URL(site.databaseUrl), { port: String(proxy.port) }).toString();
    const ingest = await site.start({ databaseUrl });
    const event = metricsOf(uuidv7());
    const release = await hold('select from ledger.ledgers for update');
    const answer = post(ingest.url, site.key, [event]).catch(() => null);
    await waitUntilStuck('runseal-ingest-seal');
    ingest.signal('SIGSTOP');
    await release();
    await waitFor('the commit', async () => (await site.records()).length === 2);
    await ingest.kill();
    expect(await answer).toBeNull();
    const next = await site.start();
    expect(await postAtLast(next.url, site.key, [event])).toMatchObject([{ id: event.id, seq: 1, duplicate: true }]);
    expect(await site.records()).toHaveLength(2);
    await site.expectIntact();
    await proxy.close();
  }, 30_000);

  it('while it sets down tiles: the next one signs on', async () => {
    const ingest = await site.start();
    const release = await hold('lock table ingest.tiles in access exclusive mode');
    await postAtLast(ingest.url, site.key, [metricsOf(uuidv7())]);
    await waitUntilStuck('runseal-ingest-sign');
    await ingest.kill();
    await release();
    expect(await site.headSize()).toBe(1);
    await site.start();
    await site.expectIntact();
    expect(await site.headSize()).toBe(2);
  }, 30_000);

  it.each([
    ['before the ledger exists', 'lock table ledger.ledgers in access exclusive mode', 'runseal-ingest-maintenance', 0],
    [
      'between the first record and head 0',
      'lock table ingest.tiles in access exclusive mode',
      'runseal-ingest-sign',
      1,
    ],
  ])(
    'in its first start, %s: the next start opens the ledger',
    async (_where, lock, application, size) => {
      const release = await hold(lock);
      const ingest = await site.spawn();
      await waitUntilStuck(application);
      await ingest.kill();
      await release();
      await waitUntilIdle(application);
      expect((await site.records()).length).toBeLessThanOrEqual(size);
      const next = await site.start();
      await postAtLast(next.url, site.key, [metricsOf(uuidv7())]);
      expect((await site.records()).map(({ type }) => type)).toEqual(['ledger.opened', 'run.metrics-logged']);
      await site.expectIntact();
    },
    30_000,
  );

  it('between a head’s anchor and the head, or in the middle of a file: the number is published once, by the next', async () => {
    const ingest = await site.start();
    await postAtLast(ingest.url, site.key, [metricsOf(uuidv7())]);
    await waitFor('head 1', async () => (await site.headSize()) === 2);
    await ingest.kill();
    // What is left in the folder when a process dies there: the anchor without its head, and half a draft.
    const [, note] = await site.heads();
    await rm(join(site.headsFolder, '0/1'));
    await writeFile(join(site.headsFolder, `0/1.${uuidv7()}.draft`), note!.slice(0, 40));
    // Another signer may have come as far with another size: its anchor tells of another root.
    await writeFile(join(site.headsFolder, '0/1-0123456789abcdef.anchor'), '{"epoch":0,"seq":99,"hash":"00"}\n');
    const next = await site.start();
    await waitFor('head 1 again', async () => (await site.headSize()) === 2);
    await postAtLast(next.url, site.key, [metricsOf(uuidv7())]);
    await site.expectIntact();
    const sizes = (await site.heads()).map((head) => Number(head.split('\n')[1]));
    expect(sizes.at(-1)).toBe(3);
    expect([...sizes].sort((one, other) => one - other)).toEqual(sizes);
    // And it starts once more on what it left.
    await next.kill();
    await site.start();
  }, 30_000);

  it('by SIGTERM: ends requests that are under way, takes no more, and exits with 0', async () => {
    const ingest = await site.start();
    const release = await hold('select from ledger.ledgers for update');
    const event = metricsOf(uuidv7());
    const answer = post(ingest.url, site.key, [event]);
    await waitUntilStuck('runseal-ingest-seal');
    ingest.signal('SIGTERM');
    await waitFor('the drain', () => ingest.linesOf('service is draining').length > 0);
    await expect(post(ingest.url, site.key, [metricsOf(uuidv7())])).rejects.toThrow();
    await release();
    expect(await answer).toMatchObject({ status: 201, receipts: [{ id: event.id, seq: 1 }] });
    expect(await ingest.exited).toBe(0);
  }, 30_000);
});
