import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { metricsOf, post, postAtLast, type Submitted } from './load.fixture.js';
import { Site, type IngestProcess } from './site.fixture.js';
import { SwallowingProxy } from './swallowing-proxy.fixture.js';

let server: TestServer;
let site: Site;
let ingest: IngestProcess;
let proxy: SwallowingProxy;

beforeAll(async () => {
  server = await TestServer.start();
  site = await Site.open(await server.createDatabase());
  ingest = await site.start();
  proxy = await SwallowingProxy.start(ingest.port);
}, 60_000);

afterAll(async () => {
  await proxy?.close();
  await site?.close();
  await server?.remove();
});

/** Submits in such a way that the answer is lost on the way back. */
async function submitInVain(events: readonly Submitted[]): Promise<void> {
  const before = proxy.swallowed;
  proxy.isSwallowing = true;
  await expect(post(proxy.url, site.key, events)).rejects.toThrow();
  proxy.isSwallowing = false;
  expect(proxy.swallowed).toBe(before + 1);
}

const countOf = async (id: string) => (await site.records()).filter(({ event_id }) => event_id === id).length;

describe('an answer that is lost after the commit', () => {
  it('comes again to whoever submits again, however often', async () => {
    const events = [metricsOf(uuidv7()), metricsOf(uuidv7())];
    await submitInVain(events);
    const stored = await site.records();
    for (let n = 0; n < 3; n++) {
      const { status, receipts } = await post(ingest.url, site.key, events);
      expect(status).toBe(201);
      expect(receipts).toMatchObject(
        stored
          .slice(-2)
          .map(({ seq, hash, event_id: id }) => ({ id, seq, hash: hash.toString('hex'), duplicate: true })),
      );
    }
    expect(await site.records()).toHaveLength(stored.length);
  });

  it('also where the event had a condition that its own record has broken since', async () => {
    const run = uuidv7();
    const event = metricsOf(run, { expect: [{ stream: `run/${run}`, at: -1 }] });
    await submitInVain([event]);
    expect(await post(ingest.url, site.key, [event])).toMatchObject({
      status: 201,
      receipts: [{ id: event.id, duplicate: true }],
    });
    // Another event under the same condition is refused all the same, and so is one that comes beside the repeated one.
    const other = metricsOf(run, { expect: [{ stream: `run/${run}`, at: -1 }] });
    expect(await post(ingest.url, site.key, [other])).toMatchObject({ status: 409, code: 'version_conflict' });
    expect(await post(ingest.url, site.key, [event, other])).toMatchObject({ status: 409, code: 'version_conflict' });
    expect(await countOf(other.id)).toBe(0);
  });

  it.each([
    ['', () => ({})],
    [', with a condition', (run: string) => ({ expect: [{ stream: `run/${run}`, at: -1 }] })],
  ])('also where the retry waits in the queue beside its original%s', async (_what, more) => {
    const run = uuidv7();
    const event = metricsOf(run, more(run));
    const client = await site.superuser.connect();
    await client.query('begin');
    await client.query('select from ledger.ledgers for update');
    // Both calls that may be under way are, so that what comes now is in one batch.
    const ahead = [1, 2].map(() => post(ingest.url, site.key, [metricsOf(uuidv7())]));
    await waitFor('two calls at the lock', async () => {
      const { rows } = await site.superuser.query(
        `select from pg_stat_activity where application_name = 'runseal-ingest-seal' and wait_event_type = 'Lock'`,
      );
      return rows.length === 2;
    });
    proxy.isSwallowing = true;
    const original = post(proxy.url, site.key, [event]).catch(() => null);
    const retries = [1, 2, 3].map(() => post(ingest.url, site.key, [event]));
    const arrived = async () => {
      const { rows } = await site.superuser.query(`select from pg_stat_activity where wait_event_type = 'Lock'`);
      return rows.length >= 2;
    };
    await waitFor('the queue', arrived);
    await client.query('rollback');
    client.release();
    expect((await Promise.all(ahead)).map(({ status }) => status)).toEqual([201, 201]);
    expect(await original).toBeNull();
    proxy.isSwallowing = false;
    const answers = await Promise.all(retries);
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ receipts }) => receipts[0]!.seq)).size).toBe(1);
    expect(await countOf(event.id)).toBe(1);
  });

  it('between Postgres and the service is a 503 with Retry-After, and no doubt is left after the retry', async () => {
    const toPostgres = await SwallowingProxy.start(Number(new URL(site.databaseUrl).port));
    const databaseUrl = Object.assign(new URL(site.databaseUrl), { port: String(toPostgres.port) }).toString();
    const behind = await site.start({ databaseUrl });
    await postAtLast(behind.url, site.key, [metricsOf(uuidv7())]);
    const client = await site.superuser.connect();
    await client.query('begin');
    await client.query('select from ledger.ledgers for update');
    const event = metricsOf(uuidv7());
    const answer = post(behind.url, site.key, [event]);
    await waitFor('the call at the lock', async () => {
      const { rows } = await site.superuser.query(
        `select from pg_stat_activity where application_name = 'runseal-ingest-seal' and wait_event_type = 'Lock'`,
      );
      return rows.length === 1;
    });
    toPostgres.isSwallowing = true;
    await client.query('rollback');
    client.release();
    expect(await answer).toMatchObject({ status: 503, retryAfter: '1', code: 'storage_unavailable' });
    toPostgres.isSwallowing = false;
    expect(await countOf(event.id)).toBe(1);
    expect(await postAtLast(behind.url, site.key, [event])).toMatchObject([{ id: event.id, duplicate: true }]);
    await behind.kill();
    await toPostgres.close();
  }, 30_000);

  it('leaves an intact ledger', async () => {
    await site.expectIntact();
  }, 30_000);
});
