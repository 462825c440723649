import { randomBytes, randomUUID } from 'node:crypto';
import { sqlState } from '@runseal/postgres';
import { describeOnEachPostgres, TestServer } from '@runseal/testing';
import { ACTOR, findChainFaults, TestDatabase, type TestLedger } from './test-database.fixture.js';

/** The parameters of the SQL function, as a faulty or hostile client would send them past our own code. */
interface RawBatch {
  requests: string;
  envelopes: string | Buffer;
  lengths: string;
  payloads: Buffer;
  salts: Buffer;
  conditions: string | null;
}

describeOnEachPostgres('a malformed call of ledger.seal', (version) => {
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

  const members = () => ({
    actor: ACTOR as unknown,
    class: 'permanent' as unknown,
    id: randomUUID() as unknown,
    occurred_at: null as unknown,
    producer: null as unknown,
    sealed_at: new Date().toISOString() as unknown,
    stream: 'run/1' as unknown,
    type: 'run.started' as unknown,
    version: 1 as unknown,
  });
  const envelope = (change: Partial<ReturnType<typeof members>> = {}) => JSON.stringify({ ...members(), ...change });
  /** `count` sound events in one request, with what is changed. */
  const batch = (count: number, change: Partial<RawBatch> = {}): RawBatch => ({
    requests: `{${count}}`,
    envelopes: Array.from({ length: count }, () => envelope()).join(),
    lengths: `{${Array.from({ length: count }, () => 2).join()}}`,
    payloads: Buffer.from('{}'.repeat(count)),
    salts: randomBytes(32 * count),
    conditions: null,
    ...change,
  });
  const call = async ({ requests, envelopes, lengths, payloads, salts, conditions }: RawBatch) => {
    const anchor = await ledger.anchor();
    const result = await database.ingest.query(
      'select o.seqs::text, o.refusals, o.epoch from ledger.seal($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as o',
      [ledger.name, anchor?.epoch, anchor?.seq, anchor && Buffer.from(anchor.hash, 'hex'), requests].concat([
        Buffer.from(envelopes as string),
        lengths,
        payloads,
        salts,
        conditions,
      ] as never[]),
    );
    return result.rows[0] as { seqs: string; refusals: { code: string }[] | null; epoch: number };
  };
  /** The SQLSTATE that refused the call; asserts that it left the ledger as it was. */
  const refusal = async (raw: RawBatch) => {
    const before = await ledger.head();
    const state = await call(raw).then(() => 'sealed', sqlState);
    expect(await ledger.head()).toEqual(before);
    expect(await ledger.records()).toHaveLength(before.size);
    return state;
  };

  it('differs from a sound one, which is sealed, only in what each test changes', async () => {
    expect(await call(batch(2))).toEqual({ seqs: '{1,2}', refusals: null, epoch: 0 });
    expect(findChainFaults(await ledger.records())).toEqual([]);
  });

  it.each<[string, Partial<RawBatch>]>([
    ['no request', { requests: '{}' }],
    ['requests of null', { requests: null as never }],
    ['an empty request', { requests: '{0,2}' }],
    ['a request of a negative number', { requests: '{3,-1}' }],
    ['a request of null events', { requests: '{null,2}' }],
    ['too few events in the requests', { requests: '{1}' }],
    ['too many events in the requests', { requests: '{2,1}' }],
    ['more lengths than envelopes', { lengths: '{2,1,1}' }],
    ['fewer lengths than envelopes', { lengths: '{4}' }],
    ['lengths beyond the payloads', { lengths: '{2,3}' }],
    ['lengths short of the payloads', { payloads: Buffer.from('{}{}{}') }],
    ['a negative length', { lengths: '{6,-2}' }],
    ['a length of null', { lengths: '{4,null}' }],
    ['a length of one byte', { lengths: '{1,3}' }],
    ['salts that are short', { salts: Buffer.alloc(63) }],
    ['salts that are long', { salts: Buffer.alloc(65) }],
    ['no salt', { salts: Buffer.alloc(0) }],
  ])('with %s is refused', async (_, change) => {
    expect(await refusal(batch(2, change))).toBe('RS004');
  });

  it('with no event is refused', async () => {
    expect(await refusal(batch(0, { requests: '{1}', lengths: '{}' }))).toBe('RS004');
  });

  it('with 501 events is refused', async () => {
    expect(await refusal(batch(501))).toBe('RS004');
  });

  it('with a payload of more than 768 KiB is refused', async () => {
    const bytes = 768 * 1024 + 1;
    expect(await refusal(batch(1, { lengths: `{${bytes}}`, payloads: Buffer.alloc(bytes, ' ') }))).toBe('RS004');
  });

  it('with an envelope of more than 16 KiB is refused', async () => {
    const excess = 16 * 1024 + 1 - envelope({ stream: 'run/' }).length;
    expect(await refusal(batch(1, { envelopes: envelope({ stream: `run/${'s'.repeat(excess)}` }) }))).toBe('RS004');
    expect(await call(batch(1, { envelopes: envelope({ stream: `run/${'s'.repeat(excess - 1)}` }) }))).toMatchObject({
      seqs: '{1}',
    });
  });

  const { type: _type, ...typeless } = members();
  it.each<[string, () => string | Buffer]>([
    ['a foreign member', () => envelope({ zone: 'x' } as never)],
    ['a member too few', () => JSON.stringify(typeless)],
    ['its members in another order', () => JSON.stringify({ type: 'run.started', ...typeless })],
    ['a member twice', () => envelope().replace('"class"', '"actor":"p_x","class"')],
    ['its type twice', () => envelope().replace('"type"', '"type":"ledger.opened","type"')],
    ['blanks between its members', () => envelope().replace(',', ', ')],
    ['an escape that is not needed', () => envelope().replace('run.started', 'run.start\\u0065d')],
    ['an escaped NUL', () => envelope({ actor: 'p_\u0000' })],
    ['a lone surrogate', () => envelope({ actor: 'p_\ud800' })],
    ['an id that is no UUID', () => envelope({ id: 'x' })],
    ['an upper-case id', () => envelope({ id: randomUUID().toUpperCase() })],
    ['a number for an actor', () => envelope({ actor: 1 })],
    ['null for an actor', () => envelope({ actor: null })],
    ['null for a stream', () => envelope({ stream: null })],
    ['a version that is no integer', () => envelope({ version: 1.5 })],
    [
      'a foreign member in its producer',
      () => envelope({ producer: { client: 'c/1', id: randomUUID(), seq: 1, zone: 1 } }),
    ],
    ['a producer without its counter', () => envelope({ producer: { client: 'c/1', id: randomUUID() } })],
    ['no sealed_at', () => envelope({ sealed_at: null })],
    ['a sealed_at of another form', () => envelope({ sealed_at: new Date().toISOString().replace('Z', '0') })],
    ['a text instead of an object', () => '"run.started"'],
    ['an array instead of an object', () => `[${envelope()}]`],
    [
      'bytes that are not UTF-8',
      () => Buffer.concat([Buffer.from(envelope().slice(0, -1)), Buffer.from([0xff, 0x7d])]),
    ],
    ['nothing', () => ''],
  ])('whose envelope has %s is refused', async (_, envelopes) => {
    expect(await refusal(batch(1, { envelopes: envelopes() }))).toMatch(/^(RS00[34]|22\w{3})$/);
  });

  it('is refused where only one of several times has another form, though it sorts between two that are sound', async () => {
    const now = new Date();
    now.setMilliseconds(0);
    const at = (sealed_at: string) => envelope({ sealed_at });
    const text = now.toISOString();
    const envelopes = [at(text), at(text.replace('.000Z', '.00zz')), at(text.replace('.000', '.999'))].join();
    expect(await refusal(batch(3, { envelopes }))).toMatch(/^RS00[34]$/);
  });

  it.each<[string, (one: string, two: string) => string]>([
    ['close the list and begin another', (one, two) => `${one}],[${two}`],
    ['leave a comma before the first', (one, two) => `,${one},${two}`],
    ['leave a comma after the last', (one, two) => `${one},${two},`],
    ['stand without a comma', (one, two) => one + two],
    ['hide one in the other’s producer', (one, two) => one.replace('null', two)],
    ['hide one in a nested list', (one, two) => `${one},[${two}]`],
  ])('whose envelopes %s is refused', async (_, join) => {
    expect(await refusal(batch(2, { envelopes: join(envelope(), envelope()) }))).toMatch(/^(RS004|22\w{3})$/);
  });

  it('cannot smuggle another type past the authority check by envelopes that are split differently', async () => {
    // To a reader that cuts at commas or by lengths, the first envelope ends early and the second is a verdict's.
    const opened = envelope({ type: 'ledger.opened', stream: `ledger/${ledger.name}` });
    const smuggled = [
      envelope({ actor: `","type":"run.started"},${opened}` }),
      envelope({ stream: 'run/","type":"run.started' }),
      `${envelope().slice(0, -1)},"x":${opened}}`,
    ];
    for (const text of smuggled) expect(await refusal(batch(1, { envelopes: text }))).toBe('RS004');
    const outcome = await call(batch(2, { requests: '{1,1}', envelopes: `${opened},${envelope()}` }));
    expect(outcome.seqs).toBe('{-1,1}');
    expect(outcome.refusals).toMatchObject([{ code: 'forbidden_event_type' }]);
  });

  it.each([
    ['a request of null events', '{null,1}'],
    ['requests numbered from two', '[2:2]={1}'],
    ['requests in two dimensions', '{{1}}'],
  ])('cannot move the epoch on without authority by %s', async (_, requests) => {
    const restored = envelope({ type: 'ledger.restored', stream: `ledger/${ledger.name}` });
    const payloads = Buffer.from('{"epoch":99,"kept_size":1}');
    const more = { requests, lengths: `{${payloads.length}}`, payloads, conditions: '[{"request":0}]' };
    await call(batch(1, { envelopes: restored, ...more })).catch(sqlState);
    expect(await ledger.head()).toMatchObject({ epoch: 0, size: 1 });
  });

  it.each([
    ['no list', '{"request":0}'],
    ['no JSON', '['],
    ['one request twice', '[{"request":0},{"request":0}]'],
  ])('whose conditions are %s is refused', async (_, conditions) => {
    expect(await refusal(batch(1, { conditions }))).toMatch(/^2[12]\w{3}$/);
  });
});
