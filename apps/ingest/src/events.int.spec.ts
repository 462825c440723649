import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { limits } from '@runseal/contracts';
import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { exampleOf, metricsOf, Workplace, type ServedIngest, type Submitted } from './ingest-service.fixture.js';

let server: TestServer;
let workplace: Workplace;
let door: ServedIngest;
let key: string;
let otherKey: string;

beforeAll(async () => {
  server = await TestServer.start();
  workplace = await Workplace.open(server);
  door = await workplace.serve();
  key = await workplace.createKey();
  otherKey = await workplace.createKey(['events:write'], { principal: 'somebody else' });
}, 60_000);

afterAll(async () => {
  await workplace?.close();
  await server?.remove();
});

const submit = (events: readonly Submitted[], more: object = {}, by = key) => door.post(by, { events, ...more });
const securityLines = () => door.lines.map((line) => JSON.parse(line)).filter(({ security }) => security === true);

/** Runs `work`, and sees that the ledger is afterwards as it was. */
async function sealingNothing<T>(work: () => Promise<T>): Promise<T> {
  const before = await workplace.countRecords();
  const result = await work();
  expect(await workplace.countRecords()).toBe(before);
  return result;
}

describe('submitted events', () => {
  it('get their receipts in order, with consecutive seqs, and are then in the ledger', async () => {
    const run = uuidv7();
    const events = [exampleOf('run.started', { stream: `run/${run}` }), metricsOf(run), metricsOf(run)];
    const { status, body } = await submit(events);
    expect(status).toBe(201);
    const first = body.receipts[0]!.seq;
    expect(body).toEqual({
      receipts: events.map(({ id }, index) => ({
        id,
        ledger: 'default',
        epoch: 0,
        seq: first + index,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        sealed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        duplicate: false,
      })),
      flags: [],
    });
    const { rows } = await workplace.superuser.query(
      `select event_id as id, encode(hash, 'hex') as hash from ledger.records where seq >= $1 and seq < $1 + 3 order by seq`,
      [first],
    );
    expect(rows).toEqual(body.receipts.map(({ id, hash }) => ({ id, hash })));
  });

  it('sent again get the first receipt, as duplicates, also beside new ones and twice in one request', async () => {
    const [one, two] = [metricsOf(uuidv7()), metricsOf(uuidv7())];
    const first = (await submit([one])).body.receipts[0]!;
    const { status, body } = await submit([two, one, two]);
    expect(status).toBe(201);
    expect(body.receipts[1]).toEqual({ ...first, duplicate: true });
    expect(body.receipts.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
    expect(body.receipts[2]).toEqual({ ...body.receipts[0], duplicate: true });
  });

  it('are told of clocks that are far off and sealed all the same', async () => {
    const run = uuidv7();
    const { status, body } = await submit([
      metricsOf(run, { occurred_at: new Date(Date.now() + 5 * 60_000 + 2_000).toISOString() }),
      metricsOf(run),
      metricsOf(run, { occurred_at: '2019-12-31T23:59:59Z' }),
    ]);
    expect(status).toBe(201);
    expect(body.flags).toEqual([
      { index: 0, code: 'occurred_in_the_future' },
      { index: 2, code: 'occurred_before_2020' },
    ]);
    expect(body.receipts[2]!.seq - body.receipts[0]!.seq).toBe(2);
  });

  it('may come as gzip', async () => {
    const body = gzipSync(JSON.stringify({ events: [metricsOf(uuidv7())] }));
    expect((await door.post(key, body, { headers: { 'content-encoding': 'gzip' } })).status).toBe(201);
  });
});

describe('a conflict', () => {
  it('of an id used for other content is 409 event_id_conflict with the place, and is put down as a security event', async () => {
    const event = metricsOf(uuidv7());
    await submit([event]);
    const changed = { ...event, occurred_at: '2026-01-26T10:41:40.701Z' };
    const answer = await sealingNothing(() => submit([metricsOf(uuidv7()), changed]));
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ code: 'event_id_conflict', errors: [{ index: 1, path: '/id' }] });
    expect(securityLines().at(-1)).toMatchObject({ code: 'event_id_conflict', places: [{ index: 1, path: '/id' }] });
  });

  it('inside one request is the same', async () => {
    const event = metricsOf(uuidv7());
    const answer = await sealingNothing(() => submit([event, { ...event, stream: `run/${uuidv7()}` }]));
    expect([answer.status, answer.body.code]).toEqual([409, 'event_id_conflict']);
  });

  it('with `expect` is 409 version_conflict, and no conflict where the stream is as expected', async () => {
    const run = uuidv7();
    const stream = `run/${run}`;
    const first = await submit([metricsOf(run, { expect: [{ stream, at: -1 }] })]);
    expect(first.status).toBe(201);
    const { seq } = first.body.receipts[0]!;
    const late = await sealingNothing(() => submit([metricsOf(run, { expect: [{ stream, at: -1 }] })]));
    expect(late.status).toBe(409);
    expect(late.body).toMatchObject({ code: 'version_conflict', stream, at: -1, found: seq });
    const type = 'run.started';
    expect(
      (
        await submit([
          metricsOf(run, {
            expect: [
              { stream, at: seq },
              { stream, type, at: -1 },
            ],
          }),
        ])
      ).status,
    ).toBe(201);
  });
});

describe('the submitter’s last receipt', () => {
  it('is no hindrance where the ledger holds it', async () => {
    const { epoch, seq, hash } = (await submit([metricsOf(uuidv7())])).body.receipts[0]!;
    expect((await submit([metricsOf(uuidv7())], { known: { epoch, seq, hash } })).status).toBe(201);
  });

  it.each([
    ['of a seq beyond the end', { epoch: 0, seq: 1_000_000, hash: 'a'.repeat(64) }],
    ['of another hash', { epoch: 0, seq: 1, hash: 'a'.repeat(64) }],
    ['of an epoch that never was', { epoch: 7, seq: 1, hash: 'a'.repeat(64) }],
  ])('%s is 409 ledger_rewound, put down as a security event', async (_what, known) => {
    const before = securityLines().length;
    const answer = await sealingNothing(() => submit([metricsOf(uuidv7())], { known }));
    expect([answer.status, answer.body.code]).toEqual([409, 'ledger_rewound']);
    expect(securityLines().slice(before)).toMatchObject([{ code: 'ledger_rewound' }]);
  });
});

describe('who may write', () => {
  it('nobody without a key, or with one that cannot write', async () => {
    const reader = await workplace.createKey(['read', 'admin']);
    const bad = `rsk_${'a'.repeat(16)}_${'A'.repeat(43)}`;
    for (const [by, status, code] of [
      [bad, 401, 'unauthenticated'],
      [reader, 403, 'forbidden'],
    ] as const) {
      const answer = await sealingNothing(() => submit([metricsOf(uuidv7())], {}, by));
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
    const none = await fetch(`${door.service.url}/v1/events`, { method: 'POST', body: '{}' });
    expect(none.status).toBe(401);
  });

  it('only the principal of its first record writes to a run, by whichever key', async () => {
    const run = uuidv7();
    await submit([metricsOf(run)]);
    const answer = await sealingNothing(() => submit([metricsOf(uuidv7()), metricsOf(run)], {}, otherKey));
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code: 'forbidden_stream', stream: `run/${run}` });
    expect(securityLines().at(-1)).toMatchObject({ code: 'forbidden_stream' });
    expect((await submit([metricsOf(run)], {}, await workplace.createKey(['events:write']))).status).toBe(201);
  });

  it('of two that start one run at the same moment, one', async () => {
    for (let round = 0; round < 10; round++) {
      const run = uuidv7();
      const answers = await Promise.all([submit([metricsOf(run)]), submit([metricsOf(run)], {}, otherKey)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 403]);
    }
  });

  it('every writer to the stream of an artifact', async () => {
    const stream = `artifact/sha256:${randomUUID().replaceAll('-', '').repeat(2)}`;
    expect((await submit([exampleOf('artifact.registered', { stream })])).status).toBe(201);
    expect((await submit([exampleOf('artifact.registered', { stream })], {}, otherKey)).status).toBe(201);
  });

  it('nobody to the ledger’s own stream', async () => {
    for (const type of ['ledger.opened', 'ledger.restored']) {
      const answer = await sealingNothing(() => submit([exampleOf(type, { stream: 'ledger/default' })]));
      expect([answer.status, answer.body.code]).toEqual([403, 'forbidden_event_type']);
    }
  });

  it('nobody with a key of another ledger, on any path', async () => {
    const foreign = await workplace.createKey(['events:write', 'read', 'admin'], { ledger: 'another' });
    const answer = await sealingNothing(() => submit([metricsOf(uuidv7())], {}, foreign));
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden']);
    for (const path of [
      '/v1/records',
      '/v1/records/0',
      '/v1/records/0/evidence',
      '/v1/keys',
      '/v1/log/default/checkpoint',
    ])
      expect([path, (await door.get(path, foreign)).status]).toEqual([path, 403]);
  });
});

describe('a limit', () => {
  const many = (count: number) => Array.from({ length: count }, () => metricsOf(uuidv7()));
  const padded = (bytes: number) => {
    const started = exampleOf('run.started', { stream: `run/${uuidv7()}` });
    const payload = started['payload'] as Record<string, unknown>;
    const tags = Object.fromEntries(
      Array.from({ length: Math.floor(bytes / 5_020) }, (_, n) => [`tag-${n}`, 'x'.repeat(5_000)]),
    );
    const rest = bytes - Buffer.byteLength(JSON.stringify({ ...payload, tags: { ...tags, z: '' } }));
    return { ...started, payload: { ...payload, tags: { ...tags, z: 'x'.repeat(rest) } } };
  };

  it('of 500 events holds: 500 are sealed, 501 are refused, and none of them is sealed', async () => {
    expect((await submit(many(500))).body.receipts).toHaveLength(500);
    const answer = await sealingNothing(() => submit(many(501)));
    expect([answer.status, answer.body.code]).toEqual([413, 'too_many_events']);
    expect(answer.body.detail).toContain('500');
  });

  it('of 768 KiB for a payload holds to the byte, and names the event', async () => {
    // 200 tags of 5,000 characters are the most that the schema takes; their names and quotes bring them over the limit.
    expect((await submit([padded(limits.payloadBytes)])).status).toBe(201);
    const answer = await sealingNothing(() => submit([metricsOf(uuidv7()), padded(limits.payloadBytes + 1)]));
    expect(answer.status).toBe(413);
    expect(answer.body).toMatchObject({
      code: 'too_large',
      errors: [{ index: 1, path: '/payload', found: '786433 bytes', wanted: 'at most 786432 bytes' }],
    });
  });

  it('of 5 MB for a request holds to the byte, for what is inflated too', async () => {
    const text = JSON.stringify({ events: many(10) });
    const sized = (bytes: number) => text + ' '.repeat(bytes - text.length);
    expect((await door.post(key, sized(limits.requestBytes))).status).toBe(201);
    for (const [body, headers] of [
      [sized(limits.requestBytes + 1), {}],
      [gzipSync(sized(limits.requestBytes + 1)), { 'content-encoding': 'gzip' }],
    ] as const) {
      const answer = await sealingNothing(() => door.post(key, body, { headers }));
      expect([answer.status, answer.body.code]).toEqual([413, 'too_large']);
    }
  });

  it('of the queue is 503 overloaded with Retry-After, and everything that was taken is sealed', async () => {
    const before = await workplace.countRecords();
    const blocker = await workplace.superuser.connect();
    await blocker.query('begin');
    await blocker.query('select 1 from ledger.ledgers for update');
    // Two calls of 500 wait for the lock, 5,000 events behind them.
    const waiting = Array.from({ length: 12 }, () => submit(many(500)));
    await waitFor('a full queue', () => door.ingest.parts.door.queueLength === 5_000);
    const refused = await submit(many(1));
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '1']);
    await blocker.query('rollback');
    blocker.release();
    const answers = await Promise.all(waiting);
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(201));
    expect(await workplace.countRecords()).toBe(before + 6_000);
    expect((await submit(many(1))).status).toBe(201);
  }, 30_000);
});

describe('a secret', () => {
  const leaking = () =>
    exampleOf('run.started', {
      stream: `run/${uuidv7()}`,
      payload: { ...(exampleOf('run.started')['payload'] as object), tags: { aws: 'AKIAIOSFODNN7EXAMPLE' } },
    });

  it('is refused with its place, logged without its value', async () => {
    const answer = await sealingNothing(() => submit([metricsOf(uuidv7()), leaking()]));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'secret_detected', errors: [{ index: 1, path: '/payload/tags/aws' }] });
    expect(securityLines().at(-1)).toMatchObject({ code: 'secret_detected', places: [{ path: '/payload/tags/aws' }] });
    expect(JSON.stringify(answer.body) + door.lines.join('')).not.toContain('AKIAIOSFODNN7');
  });

  it('is sealed where the scan is switched off', async () => {
    const lax = await workplace.serve({ scansForSecrets: false });
    expect((await lax.post(key, { events: [leaking()] })).status).toBe(201);
  });
});
