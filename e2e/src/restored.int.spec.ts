import { execFile } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { metricsOf, post, postAtLast } from './load.fixture.js';
import { Site, type IngestProcess } from './site.fixture.js';

let server: TestServer;
let site: Site;
let replicas: IngestProcess[];

beforeAll(async () => {
  server = await TestServer.start();
  site = await Site.open(await server.createDatabase());
}, 60_000);

afterAll(async () => {
  await site?.close();
  await server?.remove();
});

const many = (count: number) => Array.from({ length: count }, () => metricsOf(uuidv7()));

describe('a database that was restored from a copy under running services', () => {
  it('gets no record more from any of them, says why, and goes on in a new epoch on an admin’s command', async () => {
    replicas = [await site.start(), await site.start()];
    const [first, second] = replicas as [IngestProcess, IngestProcess];
    const kept = many(5);
    await postAtLast(first.url, site.key, kept);
    await waitFor('a head over the kept records', async () => (await site.headSize()) === 6);

    const data = join(server.folder, 'data');
    await server.server.stop();
    await promisify(execFile)('cp', ['-a', data, `${data}-copy`]);
    await server.server.start();
    const lost = many(4);
    const receipts = await postAtLast(first.url, site.key, lost.slice(0, 2));
    receipts.push(...(await postAtLast(second.url, site.key, lost.slice(2))));
    await waitFor('a head over the lost records', async () => (await site.headSize()) === 10);
    await server.server.stop();
    await rename(data, `${data}-newer`);
    await rename(`${data}-copy`, data);
    await server.server.start();

    for (const one of replicas) {
      const answer = await waitFor('an answer by the restored database', async () => {
        const found = await post(one.url, site.key, many(1));
        return found.code !== 'storage_unavailable' && found;
      });
      expect(answer).toMatchObject({ status: 503, code: 'ledger_behind', retryAfter: '1' });
      expect(one.linesOf('submission refused').at(-1)).toMatchObject({ security: true, code: 'ledger_behind' });
    }
    expect(await site.records()).toHaveLength(6);

    const command = await fetch(`${second.url}/v1/ledger/epochs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${site.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'restored from a copy' }),
    });
    expect(command.status).toBe(201);
    const { epoch, seq, hash } = receipts.at(-1)!;
    for (const one of replicas) {
      await postAtLast(one.url, site.key, many(1));
      const late = await post(one.url, site.key, many(1), { known: { epoch, seq, hash } });
      expect(late).toMatchObject({ status: 409, code: 'epoch_changed' });
    }
    const again = await postAtLast(first.url, site.key, [...kept, ...lost]);
    expect(again.map(({ duplicate }) => duplicate)).toEqual([...kept.map(() => true), ...lost.map(() => false)]);
    const size = (await site.records()).length;
    expect(size).toBe(6 + 1 + 2 + 4);
    await waitFor('a head of the new epoch', async () => (await site.headSize(1)) === size);
    await rm(`${data}-newer`, { recursive: true });
  }, 90_000);
});
