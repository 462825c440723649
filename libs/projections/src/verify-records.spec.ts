import type { SealedRecord } from '@runseal/chain';
import { logged, MemoryLedger } from './memory-ledger.fixture.js';
import { chainVerifier } from './verify-records.js';

const pageOf = (count: number) => new MemoryLedger().seal(Array.from({ length: count }, (_, step) => logged(1, step)));

describe('verifying what is read for a rebuild', () => {
  const poisonedAt = (change: (records: SealedRecord[]) => void): number | null => {
    const records = pageOf(6).map((record) => ({ ...record }));
    change(records);
    const verify = chainVerifier();
    try {
      verify(records.slice(0, 2));
      verify(records.slice(2));
      return null;
    } catch (error) {
      return (error as { seq: number }).seq;
    }
  };
  const at = (records: SealedRecord[], index: number) => records[index] as SealedRecord;

  it('takes a sound chain, over pages', () => expect(poisonedAt(() => undefined)).toBeNull());

  it('takes a record whose payload was pruned', () =>
    expect(
      poisonedAt((records) => Object.assign(at(records, 3), { payload: null, payloadState: 'pruned' })),
    ).toBeNull());

  it.each<[string, number, (records: SealedRecord[]) => void]>([
    ['a missing record', 3, (records) => records.splice(3, 1)],
    ['two swapped ones', 1, (records) => records.splice(1, 2, at(records, 2), at(records, 1))],
    ['another envelope', 4, (records) => (at(records, 4).envelope = at(records, 3).envelope)],
    ['another payload', 5, (records) => (at(records, 5).payload = Buffer.from('{}'))],
    ['a record of another chain', 2, (records) => (records[2] = pageOf(3)[2] as SealedRecord)],
    ['a first record that has one before it', 0, (records) => (records[0] = { ...at(records, 1), seq: 0 })],
  ])('stops at %s', (_, seq, change) => expect(poisonedAt(change)).toBe(seq));
});
