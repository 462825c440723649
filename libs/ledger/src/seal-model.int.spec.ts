import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describeOnEachPostgres, TestServer } from '@runseal/testing';
import { sealInModel, type ModelOutcome, type ModelRecord } from './seal-model.fixture.js';
import type { SealOutcome, SealRequest } from './seal-batch.js';
import { ACTOR, event, findChainFaults, opening, payloadOf, TestDatabase } from './test-database.fixture.js';

// Few ids, streams and contents, so that batches are full of duplicates, conflicts and conditions that just hold or just do not.
const ids = Array.from({ length: 8 }, () => randomUUID());
const streams = ['run/1', 'run/2', 'run/3'];
const actor = fc.constantFrom(ACTOR, 'p_bbbbbbbbbbbbbbbbbbbbbbbbbb');
const seq = fc.integer({ min: -1, max: 12 });

// An id mostly comes with the same content, else nearly everything would be a conflict.
const sameContent = fc.nat(ids.length - 1).map((n) => ({ id: ids[n]!, stream: streams[n % 3]! }));
const otherContent = fc.record({
  id: fc.constantFrom(...ids),
  stream: fc.constantFrom(...streams),
  type: fc.constantFrom('run.started', 'run.failed', 'run.failed', 'ledger.opened'),
  payload: fc.constantFrom(payloadOf({}), payloadOf({ n: 1 })),
});
const anyEvent = fc
  .oneof(
    { weight: 5, arbitrary: sameContent },
    { weight: 2, arbitrary: fc.record({ id: fc.uuid({ version: 4 }) }) },
    { weight: 1, arbitrary: otherContent },
  )
  .map((change) => event({ stream: 'run/3', ...change }));
const condition = fc.record(
  { stream: fc.constantFrom(...streams), at: seq, type: fc.constantFrom('run.started', 'run.failed') },
  { requiredKeys: ['stream', 'at'] },
);
const anyRequest: fc.Arbitrary<SealRequest> = fc.record(
  {
    actor,
    events: fc.array(anyEvent, { minLength: 1, maxLength: 4 }),
    expect: fc.array(condition, { minLength: 1, maxLength: 2 }),
    ownStreams: fc.subarray(streams),
    known: seq.map((at) => ({ epoch: 0, seq: Math.max(at, 0), hash: '' })),
  },
  { requiredKeys: ['actor', 'events'] },
);
const anyBatch = fc.array(
  // Most requests carry no condition: conditions are looked at one by one, the rest goes in runs.
  fc.oneof(
    { weight: 1, arbitrary: anyRequest },
    { weight: 2, arbitrary: anyRequest.map(({ actor, events }): SealRequest => ({ actor, events })) },
  ),
  { minLength: 1, maxLength: 6 },
);

const told = (outcome: SealOutcome): ModelOutcome =>
  'refusal' in outcome
    ? { code: outcome.refusal.code }
    : { receipts: outcome.receipts.map(({ seq, duplicate }) => [seq, duplicate] as const) };

describeOnEachPostgres('ledger.seal against a model', (version) => {
  let server: TestServer;
  let database: TestDatabase;

  beforeAll(async () => {
    server = await TestServer.start(version);
    database = await TestDatabase.open(await server.createDatabase());
  });
  afterAll(async () => {
    await database.close();
    await server.remove();
  });

  it('gives every request of random batches the outcome that the model gives, and leaves the model’s records', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(anyBatch, { minLength: 1, maxLength: 4 }), async (batches) => {
        const ledger = await database.openLedger();
        const model: ModelRecord[] = [{ event: opening(ledger.name), actor: ACTOR }];
        for (const batch of batches) {
          const hashes = (await ledger.records()).map(({ hash }) => hash.toString('hex'));
          const requests = batch.map(({ known, ...request }) => ({
            ...request,
            // Nobody can have a receipt yet for what this very batch seals.
            ...(known && {
              known: hashes[known.seq] ? { ...known, hash: hashes[known.seq]! } : { epoch: 0, seq: 999, hash: '00' },
            }),
          }));
          const wanted = requests.map((request) => sealInModel(model, request));
          expect((await ledger.seal(requests)).map(told)).toEqual(wanted);
          for (const outcome of wanted) seen.add('code' in outcome ? outcome.code : `${outcome.receipts[0]![1]}`);
        }
        const records = await ledger.records();
        expect(findChainFaults(records)).toEqual([]);
        expect(records.slice(1).map(({ event_id, stream }) => [event_id, stream])).toEqual(
          model.slice(1).map(({ event: { id, stream } }) => [id, stream]),
        );
      }),
      { numRuns: 150 },
    );
    // The runs were worth something only if they met every kind of outcome.
    const kinds = [
      'event_id_conflict',
      'false',
      'forbidden_event_type',
      'forbidden_stream',
      'ledger_rewound',
      'true',
      'version_conflict',
    ];
    expect([...seen].sort()).toEqual(kinds);
  }, 60_000);
});
