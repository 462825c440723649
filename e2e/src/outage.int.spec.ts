import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalServer } from '@runseal/postgres';
import { embeddedBinaries, findFreePort, TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { Load, metricsOf, post, type Answer } from './load.fixture.js';
import { Site } from './site.fixture.js';

const until503 = (url: string, key: string): Promise<Answer> =>
  waitFor('a 503', async () => {
    const answer = await post(url, key, [metricsOf(uuidv7())]).catch(() => null);
    return answer?.status === 503 && answer;
  });

describe('Postgres gone', () => {
  let server: TestServer;
  let site: Site;

  beforeAll(async () => {
    server = await TestServer.start();
    site = await Site.open(await server.createDatabase());
  }, 60_000);

  afterAll(async () => {
    await site?.close();
    await server?.remove();
  });

  it.each(['SIGINT', 'SIGKILL'] as const)(
    '(%s) is 503 with Retry-After, live and not ready; sealing and signing resume by themselves when it is back',
    async (signal) => {
      const ingest = await site.start();
      const load = new Load(site.key);
      load.start(4, () => ingest.url);
      await load.grows(50);
      await server.server.stop(signal);
      expect(await until503(ingest.url, site.key)).toMatchObject({ retryAfter: '1', code: 'storage_unavailable' });
      expect((await fetch(`${ingest.url}/health/live`)).status).toBe(200);
      await waitFor('not ready', async () => (await fetch(`${ingest.url}/health/ready`)).status === 503);
      const acknowledged = load.acknowledged.length;
      await server.server.start();
      await load.grows(50);
      expect(load.acknowledged.length).toBeGreaterThan(acknowledged);
      await load.stop();
      await load.expectKept(() => site.records(), ingest.url);
      await site.expectIntact();
      await ingest.waitUntilReady();
      await ingest.kill();
    },
    60_000,
  );

  it('at the start of ingest is waited for', async () => {
    await server.server.stop();
    const ingest = await site.spawn();
    // It has tried at least once: Node is up and the port refuses.
    await waitFor('a process that waits', () => !ingest.output.includes('did not start'));
    await server.server.start();
    await ingest.waitUntilReady();
    await ingest.kill();
  }, 60_000);
});

/** A tmpfs of its own needs root and the right to mount; where that is missing the suite says so. */
const mounts = (() => {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return false;
  const folder = join(tmpdir(), `runseal-mount-${process.pid}`);
  try {
    execFileSync('mkdir', ['-p', folder]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync('rmdir', [folder]);
  }
})();
const describeWithMount = mounts ? describe : describe.skip;

describeWithMount(`the disk of Postgres full${mounts ? '' : ': skipped, mounting a tmpfs needs root'}`, () => {
  let folder: string;
  let server: LocalServer;
  let site: Site;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runseal-small-disk-'));
    await chmod(folder, 0o711);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m,mode=0711', 'tmpfs', folder]);
    server = new LocalServer({
      binaries: await embeddedBinaries(),
      dataDirectory: join(folder, 'data'),
      port: await findFreePort(),
      superuserPassword: 'only-for-tests',
      // WAL that is set aside beforehand: the tables run out of space first, which Postgres outlives.
      settings: { shared_buffers: '32MB', min_wal_size: '80MB', max_wal_size: '80MB' },
      syncInit: false,
    });
    await server.start();
    site = await Site.open(server.url());
  }, 60_000);

  afterAll(async () => {
    await site?.close();
    await server?.stop('SIGKILL');
    execFileSync('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  });

  it('is 503 with Retry-After; nothing acknowledged is lost, and sealing resumes when there is space again', async () => {
    const ingest = await site.start();
    const load = new Load(site.key);
    load.start(4, () => ingest.url);
    await load.grows(200);
    const filler = join(folder, 'filler');
    const file = await open(filler, 'w');
    const block = Buffer.alloc(1_000_000);
    await waitFor(
      'a full disk',
      () =>
        file.write(block).then(
          () => false,
          () => true,
        ),
      30_000,
    );
    await file.close();
    expect(await until503(ingest.url, site.key)).toMatchObject({ retryAfter: '1', code: 'storage_unavailable' });
    await rm(filler);
    // Where WAL could not grow, Postgres has ended itself, and whoever runs it starts it again.
    await waitFor('Postgres', async () => {
      if (server.pid === null) await server.start().catch(() => undefined);
      return server.pid !== null;
    });
    await load.grows(200, 30_000);
    await load.stop();
    await load.expectKept(() => site.records(), ingest.url);
    await site.expectIntact();
  }, 90_000);
});
