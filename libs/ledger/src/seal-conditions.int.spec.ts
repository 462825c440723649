import { randomUUID } from 'node:crypto';
import { inTransaction, sqlState } from '@runseal/postgres';
import { describeOnEachPostgres, TestServer } from '@runseal/testing';
import type { Receipt } from './seal-batch.js';
import { Sealer } from './sealer.js';
import {
  ACTOR,
  codeOf,
  event,
  opening,
  payloadOf,
  receiptsOf,
  request,
  TestDatabase,
  type TestLedger,
} from './test-database.fixture.js';

const OTHER_ACTOR = 'p_bbbbbbbbbbbbbbbbbbbbbbbbbb';

describeOnEachPostgres('conditions of ledger.seal', (version) => {
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

  const restoring = (epoch: number, kept_size: number) =>
    event({ type: 'ledger.restored', stream: `ledger/${ledger.name}`, payload: payloadOf({ epoch, kept_size }) });
  const refusedWith = (work: Promise<unknown>) => work.then(() => 'sealed', sqlState);

  describe('expect', () => {
    const stream = `run/${randomUUID()}`;
    const on = (type: string) => event({ type, stream });

    it('seals only where the newest record of the stream, or of one type in it, is the expected one', async () => {
      const next = (at: number, type?: string) => ({
        ...request(on('run.failed')),
        expect: [{ stream, at, ...(type && { type }) }],
      });
      const outcomes = await ledger.seal([
        next(0), // another stream's record
        next(-1), // none yet: sealed as 1
        next(-1),
        next(1), // sealed as 2
        next(2, 'run.finished'),
        next(-1, 'run.finished'), // sealed as 3
        next(2, 'run.failed'),
        next(3, 'run.failed'), // sealed as 4
      ]);
      const conflict = 'version_conflict';
      expect(outcomes.map(codeOf)).toEqual([conflict, null, conflict, null, conflict, null, conflict, null]);
      expect(outcomes[2]).toMatchObject({ refusal: { stream, type: null, at: -1, found: 1 } });
      expect(outcomes[6]).toMatchObject({ refusal: { stream, type: 'run.failed', at: 2, found: 3 } });
    });

    it('holds only where each of several conditions holds, and names the first that does not', async () => {
      await ledger.seal([request(on('run.started'))]);
      const expected = [
        { stream, at: 1 },
        { stream: 'run/none', at: 7 },
        { stream, at: 5 },
      ];
      const [refused] = await ledger.seal([{ ...request(event()), expect: expected }]);
      expect(refused).toMatchObject({ refusal: { code: 'version_conflict', stream: 'run/none', at: 7, found: -1 } });
    });

    it('gives the first receipt to a retry after the stream has moved on, also beside its original in one batch', async () => {
      const first = { ...request(on('run.started')), expect: [{ stream, at: -1 }] };
      const queued = await ledger.seal([first, first]);
      await ledger.seal([request(on('run.failed'))]);
      const [later] = await ledger.seal([first]);
      const [receipt] = receiptsOf(queued[0]);
      expect(receipt).toMatchObject({ seq: 1, duplicate: false });
      expect(receiptsOf(queued[1])).toEqual([{ ...receipt, duplicate: true }]);
      expect(receiptsOf(later)).toEqual([{ ...receipt, duplicate: true }]);
    });

    it('still decides where a retry brings something new', async () => {
      const first = on('run.started');
      await ledger.seal([request(first)]);
      const [grown] = await ledger.seal([{ ...request(first, on('run.failed')), expect: [{ stream, at: -1 }] }]);
      expect(codeOf(grown)).toBe('version_conflict');
      expect((await ledger.head()).size).toBe(2);
    });
  });

  describe('known', () => {
    const known = ({ epoch, seq, hash }: Receipt) => ({ epoch, seq, hash });

    it('is accepted where the ledger holds it, and ledger_rewound where it does not', async () => {
      const [receipt] = receiptsOf((await ledger.seal([request(event())]))[0]);
      const held = known(receipt!);
      const outcomes = await ledger.seal([
        { ...request(event()), known: held },
        { ...request(event()), known: { ...held, hash: '00'.repeat(32) } },
        { ...request(event()), known: { ...held, seq: 99 } },
        { ...request(event()), known: { ...held, epoch: 1 } },
        request(event()),
      ]);
      const rewound = 'ledger_rewound';
      expect(outcomes.map(codeOf)).toEqual([null, rewound, rewound, rewound, null]);
    });

    it('comes before everything else: also a duplicate is refused to a sender who knows more than the ledger', async () => {
      const sent = event();
      const [receipt] = receiptsOf((await ledger.seal([request(sent)]))[0]);
      const [outcome] = await ledger.seal([{ ...request(sent), known: { ...known(receipt!), seq: 2 } }]);
      expect(codeOf(outcome)).toBe('ledger_rewound');
    });

    it('is epoch_changed from the kept size on after a restore, and held below it', async () => {
      const receipts = receiptsOf((await ledger.seal([request(event(), event(), event())]))[0]);
      await ledger.setBack(3); // 0, 1 and 2 are kept; record 3 is lost
      await ledger.seal([request(restoring(1, 3))], { by: database.maintenance });
      const outcomes = await ledger.seal(receipts.map((receipt) => ({ ...request(event()), known: known(receipt) })));
      expect(outcomes.map(codeOf)).toEqual([null, null, 'epoch_changed']);
      expect(outcomes[2]).toMatchObject({ refusal: { epoch: 1, kept_size: 3 } });
      const forged = { ...known(receipts[0]!), hash: '11'.repeat(32) };
      expect((await ledger.seal([{ ...request(event()), known: forged }])).map(codeOf)).toEqual(['ledger_rewound']);
    });

    it('names the smallest size that a restore since has kept', async () => {
      const by = { by: database.maintenance };
      const [, last] = receiptsOf((await ledger.seal([request(event(), event())]))[0]);
      const ask = async () => (await ledger.seal([{ ...request(event()), known: known(last!) }]))[0];
      await ledger.setBack(2);
      await ledger.seal([request(restoring(1, 2))], by);
      await ledger.seal([request(restoring(2, 3))], by);
      expect(await ask()).toMatchObject({ refusal: { code: 'epoch_changed', epoch: 2, kept_size: 2 } });
      // A restore that went back further took the earlier ones with it.
      await ledger.setBack(1);
      await ledger.seal([request(restoring(3, 1))], by);
      expect(await ask()).toMatchObject({ refusal: { code: 'epoch_changed', epoch: 3, kept_size: 1 } });
    });
  });

  describe('own streams', () => {
    it('are those whose first record is the actor’s, or that have none', async () => {
      const stream = `run/${randomUUID()}`;
      const as = (actor: string) => ({
        actor,
        events: [event({ stream })],
        ownStreams: [`run/${randomUUID()}`, stream],
      });
      const outcomes = await ledger.seal([as(ACTOR), as(OTHER_ACTOR), as(ACTOR)]);
      expect(outcomes.map(codeOf)).toEqual([null, 'forbidden_stream', null]);
      expect(outcomes[1]).toMatchObject({ refusal: { stream } });
      // Not named as one's own: every writer may add to it. The first record still decides.
      await ledger.seal([{ actor: OTHER_ACTOR, events: [event({ stream })] }]);
      expect((await ledger.seal([as(OTHER_ACTOR), as(ACTOR)])).map(codeOf)).toEqual(['forbidden_stream', null]);
    });
  });

  describe('the anchor', () => {
    it('refuses the whole call, and tells it as ledger_behind, after an older copy was restored under a running service', async () => {
      const sealer = new Sealer({ pool: database.ingest, ledger: ledger.name, anchor: await ledger.anchor() });
      await sealer.seal(request(event()));
      await sealer.seal(request(event()));
      await ledger.setBack(2);
      await expect(sealer.seal(request(event()))).rejects.toMatchObject({ name: 'Refusal', code: 'ledger_behind' });
      expect((await ledger.head()).size).toBe(2);
    });

    it('refuses a copy that was sealed on to the same size with other records', async () => {
      await ledger.seal([request(event())]);
      const anchor = await ledger.anchor();
      await ledger.setBack(1);
      await ledger.seal([request(event())]);
      expect(await refusedWith(ledger.seal([request(event())], { anchor }))).toBe('RS001');
    });

    it.each([
      ['none for a ledger that holds records', () => null],
      ['of a newer epoch', (anchor: object) => ({ ...anchor, epoch: 1 })],
      ['with another hash', (anchor: object) => ({ ...anchor, hash: 'ab'.repeat(32) })],
      ['beyond the end', (anchor: object) => ({ ...anchor, seq: 1 })],
    ])('is refused: %s', async (_, change) => {
      const anchor = change((await ledger.anchor())!) as never;
      expect(await refusedWith(ledger.seal([request(event())], { anchor }))).toBe('RS001');
    });

    it('of an older epoch is accepted while the ledger holds it', async () => {
      const anchor = await ledger.anchor();
      await ledger.seal([request(restoring(1, 1))], { by: database.maintenance });
      expect((await ledger.seal([request(event())], { anchor })).map(codeOf)).toEqual([null]);
    });
  });

  describe('the call itself', () => {
    it('is refused as clock_skew where sealed_at is more than 60 s from the clock of the database', async () => {
      const at = (shift_ms: number) => ({ sealedAt: new Date(Date.now() + shift_ms) });
      expect(await refusedWith(ledger.seal([request(event())], at(-65_000)))).toBe('RS003');
      expect(await refusedWith(ledger.seal([request(event())], at(65_000)))).toBe('RS003');
      await ledger.seal([request(event())], at(-50_000));
      await ledger.seal([request(event())], at(50_000));
      const now = () => new Date(Date.now() + 65_000);
      const sealer = new Sealer({ pool: database.ingest, ledger: ledger.name, anchor: await ledger.anchor(), now });
      await expect(sealer.seal(request(event()))).rejects.toMatchObject({ code: 'clock_skew' });
      expect((await ledger.head()).size).toBe(3);
    });

    it.each(['repeatable read', 'serializable'])('is refused in a transaction that is %s', async (isolation) => {
      const work = inTransaction(database.ingest, async (connection) => {
        await connection.query(`set transaction isolation level ${isolation}`);
        await ledger.seal([request(event())], { by: connection });
      });
      expect(await refusedWith(work)).toBe('RS005');
    });

    it('waits for the disk at commit, even where the session asked for synchronous_commit off', async () => {
      const settings = await inTransaction(database.ingest, async (connection) => {
        const read = async () => (await connection.query('show synchronous_commit')).rows[0].synchronous_commit;
        await connection.query('set local synchronous_commit = off');
        const before = await read();
        await ledger.seal([request(event())], { by: connection });
        return [before, await read()];
      });
      expect(settings).toEqual(['off', 'on']);
    });

    it('is refused for a ledger that does not exist', async () => {
      const nowhere = Object.assign(Object.create(ledger), { name: 'nowhere' }) as TestLedger;
      expect(await refusedWith(nowhere.seal([request(event())], { anchor: null }))).toBe('RS002');
    });
  });

  describe('opening and restoring', () => {
    it('takes nothing before ledger.opened, in its own request, and takes that once', async () => {
      const empty = await database.createLedger();
      const by = { by: database.maintenance };
      expect((await empty.seal([request(event())])).map(codeOf)).toEqual(['ledger_not_opened']);
      const opened = opening(empty.name);
      const outcomes = await empty.seal(
        [request(opened, opening(empty.name)), request(opened), request(opening(empty.name)), request(opened)],
        by,
      );
      expect(outcomes.map(codeOf)).toEqual(['not_alone', null, 'ledger_not_opened', null]);
      expect(receiptsOf(outcomes[3])).toEqual([{ ...receiptsOf(outcomes[1])[0], duplicate: true }]);
      expect((await empty.seal([request(event())])).map(codeOf)).toEqual([null]);
    });

    it('starts a newer epoch with ledger.restored, alone and with the size that is there', async () => {
      const by = { by: database.maintenance };
      const other = opening(ledger.name, { type: 'ledger.restored', payload: payloadOf({ epoch: 3, kept_size: 1 }) });
      const outcomes = await ledger.seal(
        [
          request(restoring(0, 1)),
          request(restoring(1, 2)),
          request(restoring(1, 0)),
          request(other, other),
          request(restoring(3, 1)),
        ],
        by,
      );
      expect(outcomes.map(codeOf)).toEqual([
        'epoch_not_newer',
        'kept_size_differs',
        'kept_size_differs',
        'not_alone',
        null,
      ]);
      expect(receiptsOf(outcomes[4])).toMatchObject([{ epoch: 3, seq: 1 }]);
      expect((await ledger.seal([request(restoring(2, 2)), request(restoring(3, 2))], by)).map(codeOf)).toEqual([
        'epoch_not_newer',
        'epoch_not_newer',
      ]);
      const [after] = await ledger.seal([request(event())]);
      expect(receiptsOf(after)).toMatchObject([{ epoch: 3, seq: 2 }]);
      expect((await ledger.records()).map(({ epoch }) => epoch)).toEqual([0, 3, 3]);
    });

    it('gives every receipt the epoch in which its own record was sealed', async () => {
      const empty = await database.createLedger();
      const restored = opening(empty.name, { type: 'ledger.restored', payload: payloadOf({ epoch: 1, kept_size: 1 }) });
      const outcomes = await empty.seal([request(opening(empty.name)), request(restored)], {
        by: database.maintenance,
      });
      expect(outcomes.flatMap(receiptsOf)).toMatchObject([
        { epoch: 0, seq: 0 },
        { epoch: 1, seq: 1 },
      ]);
    });
  });
});
