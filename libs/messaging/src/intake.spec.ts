import { toUtf8, type SealedRecord } from '@runseal/chain';
import { chainOf, MemoryReader, MemorySource, positionOf } from './chain.fixture.js';
import { PoisonRecordError, StaleReaderError, type Position } from './feed.js';
import { Intake } from './intake.js';

const never = new AbortController().signal;

function setUp(records: SealedRecord[], more: { reader?: MemoryReader; source?: MemorySource } = {}) {
  const { reader = new MemoryReader(), source = new MemorySource(records) } = more;
  return { reader, source, intake: new Intake({ reader, source, retryMin_ms: 1, retryMax_ms: 5 }) };
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

describe('what is handed over', () => {
  it('is consecutive from the first record on, skipping what was seen and filling jumps from the ledger', async () => {
    const records = chainOf(10);
    const { reader, source, intake } = setUp(records);
    await intake.take(records.slice(0, 2), never);
    await intake.take([...records.slice(1, 3), ...records.slice(6, 8)], never);
    expect(reader.seqs).toEqual(range(0, 8));
    expect(source.reads).toEqual(['3+3']);
    await intake.catchUp(never);
    expect(reader.seqs).toEqual(range(0, 10));
  });

  it('goes on from the position, and leaves the records of other ledgers alone', async () => {
    const records = chainOf(5);
    const { reader, intake } = setUp(records);
    reader.position = positionOf(records[2] as SealedRecord);
    await intake.take([...chainOf(5, { ledger: 'other' }), ...records], never);
    expect(reader.seqs).toEqual([3, 4]);
  });

  it('comes at most 500 records and 8 MB at once', async () => {
    const small = setUp(chainOf(1_100));
    await small.intake.catchUp(never);
    expect(small.reader.batches.map(({ length }) => length)).toEqual([500, 500, 100]);
    const large = setUp(chainOf(30, { payload: JSON.stringify('x'.repeat(700_000)) }));
    await large.intake.take(large.source.records, never);
    expect(large.reader.batches.map(({ length }) => length)).toEqual([11, 11, 8]);
  });

  it('stays in order where records come from two sides at once', async () => {
    const records = chainOf(50);
    const { reader, intake } = setUp(records);
    await Promise.all([intake.take(records.slice(20, 30), never), intake.catchUp(never), intake.take(records, never)]);
    expect(reader.seqs).toEqual(range(0, 50));
  });

  it('ends after the batch under way when it is told to stop', async () => {
    const { reader, intake } = setUp(chainOf(1_500));
    const stop = new AbortController();
    reader.before = () => stop.abort();
    await intake.catchUp(stop.signal);
    expect(reader.batches.length).toBe(1);
  });
});

describe('reading stops with the seq', () => {
  const changed = (record: SealedRecord, change: Partial<SealedRecord>): SealedRecord => ({ ...record, ...change });
  const cases: [what: string, change: Partial<SealedRecord>][] = [
    ['an envelope that was changed', { envelope: '{}' }],
    ['a payload that was changed', { payload: '{"loss":1}' }],
    ['a payload that is missing without being pruned', { payload: null }],
    ['a salt that was changed', { salt: new Uint8Array(32) }],
    ['a hash that was changed', { hash: new Uint8Array(32) }],
  ];
  it.each(cases)('of a record with %s, after what is sound before it', async (_, change) => {
    const records = chainOf(6);
    records[4] = changed(records[4] as SealedRecord, change);
    const { reader, intake } = setUp(records);
    await intake.take(records, never);
    expect(intake.state).toMatchObject({ state: 'stopped', seq: 4, cause: 'poison' });
    expect(reader.seqs).toEqual(range(0, 4));
  });

  it('of a record that was pruned never: only its payload is gone, and its record says so', async () => {
    const records = chainOf(3);
    records[1] = changed(records[1] as SealedRecord, { payload: null, payloadState: 'pruned' });
    const { reader, intake } = setUp(records);
    await intake.take(records, never);
    expect(reader.seqs).toEqual([0, 1, 2]);
  });

  it('of a record that does not follow the one before', async () => {
    const records = chainOf(6);
    const foreign = chainOf(6)[3] as SealedRecord;
    const { reader, intake } = setUp(records);
    await intake.take([...records.slice(0, 3), foreign], never);
    expect(intake.state).toMatchObject({
      state: 'stopped',
      seq: 3,
      reason: expect.stringContaining('does not follow'),
    });
    expect(reader.seqs).toEqual([0, 1, 2]);
  });

  it('that the ledger cannot fill a gap with', async () => {
    const records = chainOf(9);
    const { reader, source, intake } = setUp(records);
    source.records = records.filter(({ seq }) => seq !== 5);
    await intake.take([...records.slice(0, 3), records[8] as SealedRecord], never);
    expect(intake.state).toMatchObject({ state: 'stopped', seq: 5, cause: 'poison' });
    expect(reader.seqs).toEqual(range(0, 5));
  });

  it('that the reader names, after what comes before it in the batch', async () => {
    const { reader, intake } = setUp(chainOf(9));
    reader.before = (records) => {
      if (records.some(({ seq }) => seq === 6)) throw new PoisonRecordError(6, 'unknown type');
    };
    await intake.catchUp(never);
    expect(intake.state).toEqual({
      state: 'stopped',
      seq: 6,
      reason: 'Record 6 cannot be applied: unknown type',
      cause: 'poison',
    });
    expect(reader.seqs).toEqual(range(0, 6));
    await intake.take(chainOf(9), never);
    expect(reader.seqs).toEqual(range(0, 6));
  });
});

describe('a reader that fails', () => {
  it('gets the records again until it keeps them, its trouble is shown meanwhile', async () => {
    const { reader, intake } = setUp(chainOf(4));
    const shown: unknown[] = [];
    let failures = 0;
    reader.before = () => {
      shown.push(intake.state);
      if (++failures < 4) throw new Error('disk full');
    };
    await intake.catchUp(never);
    expect(shown).toEqual(
      [null, 'disk full', 'disk full', 'disk full'].map((trouble) => ({ state: 'reading', trouble })),
    );
    expect(reader.seqs).toEqual(range(0, 4));
    expect(intake.state).toEqual({ state: 'reading', trouble: null });
  });

  it('is asked for its position after a failure, since the work may have been kept nevertheless', async () => {
    const records = chainOf(6);
    const { reader, intake } = setUp(records);
    let isFirst = true;
    reader.before = () => {
      if (!isFirst) return;
      isFirst = false;
      reader.position = positionOf(records[3] as SealedRecord);
      throw new Error('connection lost at commit');
    };
    await intake.catchUp(never);
    expect(reader.seqs).toEqual([4, 5]);
  });

  it('is asked for its position where another process moved it, without a word of trouble', async () => {
    const records = chainOf(6);
    const { reader, intake } = setUp(records);
    let isFirst = true;
    reader.before = () => {
      if (!isFirst) return;
      isFirst = false;
      reader.position = positionOf(records[5] as SealedRecord);
      throw new StaleReaderError('the position is not the one that this reader wrote');
    };
    await intake.take(records, never);
    expect(reader.seqs).toEqual([]);
    expect(intake.state).toEqual({ state: 'reading', trouble: null });
  });
});

describe('a ledger that was restored', () => {
  const before = chainOf(80);
  const restored = [...before.slice(0, 50), ...chainOf(20, { epoch: 1, after: before[49] })];
  const readTo = (seq: number) => {
    const set = setUp(restored);
    set.reader.position = positionOf(before[seq] as SealedRecord);
    return set;
  };
  const startingOver = (reader: MemoryReader) => {
    const lost: unknown[] = [];
    Object.assign(reader, {
      startOver: async (position: Position) => {
        lost.push(position);
        reader.position = null;
      },
    });
    return lost;
  };

  it('is read on in its new epoch from a position that it kept', async () => {
    const { reader, intake } = readTo(49);
    await intake.catchUp(never);
    expect(reader.seqs).toEqual(range(50, 70));
    expect(reader.position?.epoch).toBe(1);
  });

  it.each(['catchUp', 'take'] as const)('makes a reader beyond it start over (%s)', async (way) => {
    const { reader, intake } = readTo(60);
    const lost = startingOver(reader);
    await (way === 'take' ? intake.take(restored.slice(-1), never) : intake.catchUp(never));
    expect(lost).toEqual([positionOf(before[60] as SealedRecord)]);
    expect(reader.batches.flat()).toEqual(restored);
  });

  it('makes a reader start over that had read on meanwhile', async () => {
    const { reader, source, intake } = setUp(before);
    const lost = startingOver(reader);
    await intake.catchUp(never);
    source.records = restored;
    await intake.catchUp(never);
    expect(lost).toEqual([positionOf(before[79] as SealedRecord)]);
    expect(reader.batches.flat().slice(80)).toEqual(restored);
  });

  it('stops a reader that cannot start over, and says that it must be built again', async () => {
    const { intake } = readTo(60);
    await intake.catchUp(never);
    expect(intake.state).toMatchObject({ state: 'stopped', seq: 60, cause: 'epoch_changed' });
  });

  it('has what is left of the older epoch on its way skipped', async () => {
    const { reader, intake } = readTo(49);
    await intake.take([...restored.slice(50, 55), ...before.slice(50), ...restored.slice(55)], never);
    expect(reader.batches.flat()).toEqual(restored.slice(50));
  });

  it('is waited for while its new epoch is not open yet', async () => {
    const { reader, source, intake } = setUp(before.slice(0, 50));
    reader.position = positionOf(before[60] as SealedRecord);
    const lost = startingOver(reader);
    const reading = intake.catchUp(never);
    while (!('trouble' in intake.state && intake.state.trouble?.includes('older copy'))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(lost).toEqual([]);
    source.records = restored;
    await reading;
    expect(reader.batches.flat()).toEqual(restored);
  });

  it('is not believed from a message alone: the epoch of a record is under no hash', async () => {
    const records = chainOf(6);
    const { reader, intake } = setUp(records);
    const lost = startingOver(reader);
    const forged = (seq: number) => ({ ...(records[seq] as SealedRecord), epoch: 7 });
    await intake.take([records[0] as SealedRecord, forged(1), forged(1), ...records.slice(2)], never);
    expect(lost).toEqual([]);
    expect(reader.batches.flat()).toEqual(records);
  });

  it('rewritten in the same epoch stops the reader', async () => {
    const { reader, source, intake } = setUp(before.slice(0, 10));
    await intake.catchUp(never);
    source.records = chainOf(12);
    const again = new Intake({ reader, source });
    await again.catchUp(never);
    expect(again.state).toMatchObject({ state: 'stopped', seq: 9, cause: 'poison' });
  });
});

it('takes stored bytes as well as texts', async () => {
  const records = chainOf(3).map((record) => ({
    ...record,
    envelope: toUtf8(record.envelope as string),
    payload: toUtf8(record.payload as string),
  }));
  const { reader, intake } = setUp(records);
  await intake.take(records, never);
  expect(reader.seqs).toEqual([0, 1, 2]);
});
