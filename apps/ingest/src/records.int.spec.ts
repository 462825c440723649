import { parseVerifierKey, verifyEvidence, type RecordJson } from '@runseal/chain';
import { ed25519Verify, sha256 } from '@runseal/chain/node';
import { verifierKeyText } from '@runseal/ledger';
import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { exampleOf, metricsOf, Workplace, type ServedIngest, type Submitted } from './ingest-service.fixture.js';

const RUNS = [uuidv7(), uuidv7()] as const;
const COUNT = 300;

let server: TestServer;
let workplace: Workplace;
let door: ServedIngest;
let key: string;
const submitted: Submitted[] = [];

beforeAll(async () => {
  server = await TestServer.start();
  workplace = await Workplace.open(server);
  door = await workplace.serve();
  key = await workplace.createKey();
  for (let n = 0; n < COUNT; n++) {
    const run = RUNS[n % 2]!;
    submitted.push(n < 2 ? exampleOf('run.started', { stream: `run/${run}` }) : metricsOf(run));
  }
  const { status } = await door.post(key, { events: submitted });
  expect(status).toBe(201);
  await door.headOf(key, COUNT + 1);
}, 60_000);

afterAll(async () => {
  await workplace?.close();
  await server?.remove();
});

interface Page {
  items: RecordJson[];
  next_cursor: string | null;
}
const page = async (query: string): Promise<Page> =>
  (await (await door.get(`/v1/records?${query}`, key)).json()) as Page;

/** Follows the cursor until an empty page. */
async function readAll(query: string): Promise<RecordJson[]> {
  const all: RecordJson[] = [];
  for (let cursor = ''; ;) {
    const { items, next_cursor } = await page(query + cursor);
    all.push(...items);
    if (next_cursor === null) return all;
    cursor = `&cursor=${next_cursor}`;
  }
}

const idOf = (record: RecordJson) => (JSON.parse(record.envelope) as { id: string }).id;

describe('GET /v1/records', () => {
  it.each([1, 7, 100, 300, 301, 1_000])('in pages of %i gives every record once, in order', async (limit) => {
    const all = await readAll(`limit=${limit}`);
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: COUNT + 1 }, (_, seq) => seq));
    expect(all.slice(1).map(idOf)).toEqual(submitted.map(({ id }) => id));
  });

  it('gives what comes after a seq, of one stream, of one type, or of both', async () => {
    expect((await readAll('after=298&limit=1')).map(({ seq }) => seq)).toEqual([299, 300]);
    const stream = `stream=run/${RUNS[1]}`;
    expect((await readAll(`${stream}&limit=20`)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: COUNT / 2 }, (_, n) => 2 * n + 2),
    );
    expect((await readAll('type=run.started')).map(({ seq }) => seq)).toEqual([1, 2]);
    expect((await readAll(`${stream}&type=run.started`)).map(({ seq }) => seq)).toEqual([2]);
    expect(await readAll('type=run.failed')).toEqual([]);
  });

  it('loses nothing where large payloads end a page early', async () => {
    const started = exampleOf('run.started')['payload'] as object;
    const tags = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`tag-${n}`, 'x'.repeat(5_000)]));
    const large = Array.from({ length: 14 }, () =>
      exampleOf('run.started', { stream: `run/${RUNS[0]}`, payload: { ...started, tags } }),
    );
    for (let n = 0; n < large.length; n += 5) await door.post(key, { events: large.slice(n, n + 5) });
    const first = await page(`after=${COUNT}&limit=1000`);
    expect(first.items.length).toBeLessThan(14);
    expect((await readAll(`after=${COUNT}&limit=1000`)).map(idOf)).toEqual(large.map(({ id }) => id));
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'after=-2',
    'after=1.5',
    'cursor=x',
    'nothing=1',
    `stream=${'x'.repeat(221)}`,
  ])('refuses ?%s', async (query) => {
    const response = await door.get(`/v1/records?${query}`, key);
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'invalid_request' }),
    ]);
  });
});

describe('GET /v1/records/{seq}', () => {
  it('gives the record as the list does, with its exact texts', async () => {
    const record = (await (await door.get('/v1/records/7', key)).json()) as RecordJson;
    expect((await page('after=6&limit=1')).items).toEqual([record]);
    expect(record).toMatchObject({ ledger: 'default', epoch: 0, seq: 7, stream_prev: 5, payload_state: 'present' });
    expect(JSON.parse(record.payload!)).toEqual(submitted[6]!['payload']);
  });

  it.each([
    ['/v1/records/100000', 404, 'not_found'],
    ['/v1/records/-1', 400, 'invalid_request'],
    ['/v1/records/x', 400, 'invalid_request'],
    ['/v1/records/1e3', 404, 'not_found'],
    ['/v1/records/9007199254740993', 400, 'invalid_request'],
    ['/v1/records/100000/evidence', 404, 'not_found'],
  ])('of %s is %i %s', async (path, status, code) => {
    const response = await door.get(path, key);
    expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ code })]);
  });
});

describe('evidence', () => {
  const evidenceOf = async (seq: number) => (await door.get(`/v1/records/${seq}/evidence`, key)).text();
  const verify = (text: string, keyText = verifierKeyText(workplace.identity, 0)) =>
    verifyEvidence({ sha256, verify: ed25519Verify }, text, [parseVerifierKey(sha256, keyText)]);

  it('of every record verifies offline and holds that record', async () => {
    for (const seq of [0, 1, 2, 127, 128, 255, 256, 257, COUNT]) {
      const result = verify(await evidenceOf(seq));
      expect(result).toMatchObject({ isValid: true, payload: 'verified', record: { seq } });
    }
  });

  it('with any one character of its record or proof changed does not verify', async () => {
    const text = await evidenceOf(200);
    // JSON's own spelling (white space, escapes) may differ: what is compared is what the text says.
    const changeAt = (at: number) => `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`;
    const passed: string[] = [];
    for (let at = 0; at < text.length - 1; at++) {
      const result = verify(changeAt(at));
      if (result.isValid) passed.push(text.slice(Math.max(0, at - 40), at + 10));
    }
    // `ledger` and `epoch` beside the hashed envelope are not hashed by themselves: the head's origin names both.
    expect(passed).toEqual([]);
  });

  it('does not verify with another key', async () => {
    const other = verifierKeyText({ ...workplace.identity, privateKey: new Uint8Array(32).fill(7) }, 0);
    expect(verify(await evidenceOf(5), other)).toMatchObject({ isValid: false });
  });

  it('of a record that no head covers yet is 503 not_signed_yet with Retry-After, and comes by itself', async () => {
    await door.headOf(key, await workplace.countRecords());
    const { body } = await door.post(key, { events: [metricsOf(RUNS[0])] });
    const { seq } = body.receipts[0]!;
    const early = await door.get(`/v1/records/${seq}/evidence`, key);
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await early.json()).toMatchObject({ code: 'not_signed_yet' });
    await waitFor('the evidence', async () => (await door.get(`/v1/records/${seq}/evidence`, key)).ok, 20_000);
  });

  it('is not given for a record whose stored hash was changed', async () => {
    await workplace.superuser.query(`update ledger.records set hash = sha256(hash) where seq = 99`);
    const response = await door.get('/v1/records/99/evidence', key);
    expect(response.status).toBe(500);
  });
});

describe('keys', () => {
  const create = (request: object) => door.post(key, request, { path: '/v1/keys' });
  const delete_ = (id: string) =>
    fetch(`${door.service.url}/v1/keys/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${key}` } });

  it('are made, work within their scopes, are listed without their secret, and end when revoked', async () => {
    const request = { principal: 'new trainer', kind: 'service', scopes: ['events:write'] };
    const { status, body } = await create(request);
    expect(status).toBe(201);
    const { secret, key_id } = body as unknown as { secret: string; key_id: string };
    expect((await door.post(secret, { events: [metricsOf(uuidv7())] })).status).toBe(201);
    expect((await door.get('/v1/records', secret)).status).toBe(403);

    const listed = await (await door.get('/v1/keys?limit=1000', key)).text();
    expect(listed).toContain(key_id);
    expect(listed).not.toContain(secret.slice(-43));
    expect(door.lines.join('')).not.toContain(secret.slice(-43));

    expect((await delete_(key_id)).status).toBe(204);
    expect((await delete_(key_id)).status).toBe(404);
    // This process remembers the key for some seconds more; another one knows at once.
    const other = await workplace.serve();
    expect((await other.post(secret, { events: [metricsOf(uuidv7())] })).status).toBe(401);
  });

  it('come in pages that give each once', async () => {
    const ids: string[] = [];
    for (let cursor = ''; ;) {
      const response = await door.get(`/v1/keys?limit=1${cursor}`, key);
      const { items, next_cursor } = (await response.json()) as {
        items: { key_id: string }[];
        next_cursor: string | null;
      };
      ids.push(...items.map(({ key_id }) => key_id));
      if (next_cursor === null) break;
      cursor = `&cursor=${next_cursor}`;
    }
    expect(ids.length).toBeGreaterThan(1);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([
    ['an unknown scope', { scopes: ['root'] }, 'invalid_request'],
    ['no scope', { scopes: [] }, 'invalid_request'],
    ['another ledger', { ledger: 'other' }, 'invalid_request'],
    ['the power to approve, for a service', { scopes: ['approve'] }, 'approve_is_for_persons'],
  ])('with %s are refused', async (_what, change, code) => {
    const { status, body } = await create({ principal: 'x', kind: 'service', scopes: ['read'], ...change });
    expect([status, body.code]).toEqual([400, code]);
  });

  it('are an admin’s business only', async () => {
    const writer = await workplace.createKey(['events:write', 'read', 'policy:write', 'approve']);
    const request = { principal: 'x', kind: 'person', scopes: ['admin'] };
    expect((await door.post(writer, request, { path: '/v1/keys' })).status).toBe(403);
    expect((await door.get('/v1/keys', writer)).status).toBe(403);
    expect((await door.post(writer, { reason: 'x' }, { path: '/v1/ledger/epochs' })).status).toBe(403);
  });
});
