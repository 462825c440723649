import { randomUUID } from 'node:crypto';
import { parseEnvelope, toHex } from '@runseal/chain';
import { describeOnEachPostgres, TestServer } from '@runseal/testing';
import {
  ACTOR,
  codeOf,
  event,
  findChainFaults,
  payloadOf,
  receiptsOf,
  request,
  TestDatabase,
  type TestLedger,
} from './test-database.fixture.js';

const PRODUCER = { client: 'runseal-js/0.1.0', id: '0f9c2d1e-7a53-4c1b-9a4e-3f0f5c1b2a3d', seq: 7 };

describeOnEachPostgres('ledger.seal', (version) => {
  let server: TestServer;
  let database: TestDatabase;
  let ledger: TestLedger;

  beforeAll(async () => {
    server = await TestServer.start(version);
    database = await TestDatabase.open(await server.createDatabase());
  });
  afterAll(async () => {
    await database.close();
    await server.remove();
  });
  beforeEach(async () => {
    ledger = await database.openLedger();
  });

  describe('appends', () => {
    it('gives a receipt an event, in order, that is the stored record', async () => {
      const events = [1, 2, 3, 4, 5].map((n) => event({ payload: payloadOf({ n }) }));
      const outcomes = await ledger.seal([
        request(events[0]!, events[1]!),
        request(events[2]!),
        request(...events.slice(3)),
      ]);
      const receipts = outcomes.flatMap(receiptsOf);
      const stored = (await ledger.records()).slice(1);
      expect(receipts.map(({ id, seq, duplicate }) => ({ id, seq, duplicate }))).toEqual(
        events.map(({ id }, index) => ({ id, seq: index + 1, duplicate: false })),
      );
      expect(receipts.map(({ hash }) => hash)).toEqual(stored.map(({ hash }) => toHex(hash)));
      expect(receipts.map(({ sealed_at }) => sealed_at)).toEqual(
        stored.map(({ envelope }) => parseEnvelope(envelope.toString()).sealed_at),
      );
      expect(receipts.every((receipt) => receipt.ledger === ledger.name && receipt.epoch === 0)).toBe(true);
    });

    it('stores the payload to the byte, and an envelope that is canonical with exactly its members', async () => {
      const payload = Buffer.from('{"\u00e9":"\ud83d\ude00","text":"line\\nbreak \\"quoted\\" \\\\ \\u0001"}');
      const sent = event({
        type: 'run.metrics-logged',
        class: 'metrics',
        occurred_at: '2026-01-26T11:30:00.123456789+01:00',
        producer: PRODUCER,
        payload,
      });
      await ledger.seal([request(sent)]);
      const stored = (await ledger.records())[1]!;
      const { payload: _, ...facts } = sent;
      expect(parseEnvelope(stored.envelope.toString())).toEqual({
        ...facts,
        actor: ACTOR,
        sealed_at: expect.any(String),
      });
      expect(stored.payload).toEqual(payload);
      expect(stored.salt).toHaveLength(32);
      expect([stored.event_id, stored.type, stored.stream, stored.epoch]).toEqual([sent.id, sent.type, sent.stream, 0]);
    });

    it('makes hashes that the chain library computes from the stored bytes, with stream_prev across and inside batches', async () => {
      const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()].map((id) => `run/${id}`);
      const on = (stream: string | undefined) => event({ stream: stream! });
      await ledger.seal([request(on(a), on(b), on(a)), request(on(a))]);
      const taken = event({ stream: b! });
      await ledger.seal([request(on(b), taken), request(on(c)), request(on(a), on(c))]);
      // A request that is refused and a duplicate stand between records of one stream.
      await ledger.seal([
        request(on(c)),
        request(event({ type: 'no.such', stream: c! })),
        request(taken, on(b)),
        request(on(b)),
      ]);
      const records = await ledger.records();
      expect(records.map((record) => record.stream_prev)).toEqual([null, null, null, 1, 3, 2, 5, null, 4, 7, 9, 6, 11]);
      expect(findChainFaults(records)).toEqual([]);
      const head = await ledger.head();
      expect(head.size).toBe(records.length);
      expect(head.newest_hash).toEqual(records.at(-1)!.hash);
    });

    it('salts every payload on its own, so equal payloads have different digests', async () => {
      await ledger.seal([request(event(), event())]);
      const [, first, second] = await ledger.records();
      expect(first!.payload).toEqual(second!.payload);
      expect(first!.payload_digest).not.toEqual(second!.payload_digest);
    });

    it('keeps ledgers apart: each has its own numbers, and the same id may stand in both', async () => {
      const other = await database.openLedger();
      const twice = event();
      const [here] = await ledger.seal([request(twice)]);
      const [there] = await other.seal([request({ ...twice, payload: payloadOf({ other: true }) })]);
      expect([receiptsOf(here)[0]!.seq, receiptsOf(there)[0]!.seq]).toEqual([1, 1]);
      expect(findChainFaults(await other.records())).toEqual([]);
    });

    it('takes 500 events and an envelope and a payload of just their limits', async () => {
      const outcomes = await ledger.seal([request(...Array.from({ length: 500 }, () => event()))]);
      expect(receiptsOf(outcomes[0])).toHaveLength(500);
      const text = (bytes: number) => Buffer.from(`"${'x'.repeat(bytes - 2)}"`);
      const fitting = event({ payload: text(768 * 1024) });
      const bare = (await ledger.records()).at(-1)!.envelope.length;
      const wide = event({ stream: `run/${'s'.repeat(36 + 16 * 1024 - bare)}` });
      expect(receiptsOf((await ledger.seal([request(fitting, wide)]))[0])).toHaveLength(2);
      expect((await ledger.records()).at(-1)!.envelope).toHaveLength(16 * 1024);
    });
  });

  describe('an outcome for each request', () => {
    it('seals the neighbours of a refused request, and nothing of the refused one', async () => {
      const refused = request(event(), event({ type: 'ledger.opened' }), event());
      const outcomes = await ledger.seal([request(event()), refused, request(event(), event())]);
      expect(outcomes.map(codeOf)).toEqual([null, 'forbidden_event_type', null]);
      expect(outcomes[1]).toMatchObject({ refusal: { event: 1 } });
      expect(receiptsOf(outcomes[2]).map(({ seq }) => seq)).toEqual([2, 3]);
      expect(await ledger.records()).toHaveLength(4);
    });

    it('moves nothing where all requests are refused', async () => {
      const before = await ledger.head();
      const outcomes = await ledger.seal([request(event({ type: 'gates.judged' })), request(event({ class: 'logs' }))]);
      expect(outcomes.map(codeOf)).toEqual(['forbidden_event_type', 'forbidden_event_type']);
      expect(await ledger.head()).toEqual(before);
    });
  });

  describe('the same event again', () => {
    const full = () => event({ occurred_at: '2026-01-26T10:30:00Z', producer: PRODUCER, payload: payloadOf({ a: 1 }) });

    it('gets its first receipt in a later call, whoever sends it and whenever', async () => {
      const sent = full();
      const [first] = receiptsOf((await ledger.seal([request(sent)]))[0]);
      await ledger.seal([request(event())]);
      const again = { actor: 'p_bbbbbbbbbbbbbbbbbbbbbbbbbb', events: [sent] };
      const outcomes = await ledger.seal([again], { sealedAt: new Date(Date.now() + 5_000) });
      expect(receiptsOf(outcomes[0])).toEqual([{ ...first, duplicate: true }]);
      expect(await ledger.records()).toHaveLength(3);
    });

    it('gets its first receipt beside its original in one batch', async () => {
      const sent = full();
      const outcomes = await ledger.seal([request(event()), request(sent), request(event(), sent), request(sent)]);
      const [first] = receiptsOf(outcomes[1]);
      expect(first).toMatchObject({ seq: 2, duplicate: false });
      expect(receiptsOf(outcomes[2])).toEqual([expect.objectContaining({ seq: 3 }), { ...first, duplicate: true }]);
      expect(receiptsOf(outcomes[3])).toEqual([{ ...first, duplicate: true }]);
    });

    it('gets its first receipt inside one request', async () => {
      const sent = full();
      const [first, middle, again] = receiptsOf((await ledger.seal([request(sent, event(), sent)]))[0]);
      expect(first).toMatchObject({ seq: 1, duplicate: false });
      expect(middle).toMatchObject({ seq: 2, duplicate: false });
      expect(again).toEqual({ ...first, duplicate: true });
      expect(findChainFaults(await ledger.records())).toEqual([]);
    });

    it('is sealed where the request of its original was refused', async () => {
      const sent = full();
      const outcomes = await ledger.seal([request(sent, event({ type: 'no.such' })), request(sent)]);
      expect(outcomes.map(codeOf)).toEqual(['forbidden_event_type', null]);
      expect(receiptsOf(outcomes[1])).toMatchObject([{ seq: 1, duplicate: false }]);
    });

    it.each([
      ['type', { type: 'run.failed' }],
      ['version', { version: 2 }],
      ['stream', { stream: `run/${randomUUID()}` }],
      ['occurred_at', { occurred_at: '2026-01-26T10:30:00.000Z' }],
      ['occurred_at (none)', { occurred_at: null }],
      ['producer', { producer: { ...PRODUCER, seq: 8 } }],
      ['producer (none)', { producer: null }],
      ['payload', { payload: payloadOf({ a: 2 }) }],
      ['payload (its text only)', { payload: Buffer.from('{"a": 1}') }],
    ])('is an event_id_conflict where its %s differs, later, beside it and inside its request', async (_, change) => {
      const [sent, later] = [full(), full()];
      const other = { ...sent, ...change };
      await ledger.seal([request(later)]);
      const outcomes = await ledger.seal([
        request(sent),
        request(other),
        request({ ...later, ...change }),
        request(event(), event({ id: other.id })),
      ]);
      expect(outcomes.map(codeOf)).toEqual([null, 'event_id_conflict', 'event_id_conflict', 'event_id_conflict']);
      expect(outcomes[3]).toMatchObject({ refusal: { event: 1, id: other.id } });
      const twin = full();
      const [inside] = await ledger.seal([request(twin, { ...twin, ...change })]);
      expect(codeOf(inside)).toBe('event_id_conflict');
      expect(await ledger.records()).toHaveLength(3);
    });

    it('is recognised by salt after its payload was pruned, and by its envelope alone after it was erased', async () => {
      const [pruned, erased] = [full(), full()];
      const receipts = receiptsOf((await ledger.seal([request(pruned, erased)]))[0]);
      const change =
        'update ledger.payloads p set payload = null, salt = case p.seq when 1 then p.salt end ' +
        'from ledger.ledgers l where l.ledger = p.ledger and l.name = $1 and p.seq in (1, 2)';
      await database.superuser.query(change, [ledger.name]);
      const other = { payload: payloadOf({ a: 2 }) };
      const outcomes = await ledger.seal([
        request(pruned),
        request(erased),
        request({ ...pruned, ...other }),
        request({ ...erased, ...other }),
        request({ ...erased, version: 2 }),
      ]);
      const conflict = 'event_id_conflict';
      expect(outcomes.map(codeOf)).toEqual([null, null, conflict, null, conflict]);
      expect(receiptsOf(outcomes[0])).toEqual([{ ...receipts[0], duplicate: true }]);
      expect(receiptsOf(outcomes[3])).toEqual([{ ...receipts[1], duplicate: true }]);
    });
  });
});
