import fc from 'fast-check';
import { toUtf8 } from './bytes.js';
import { ChainChecker, type ChainCheckerOptions, type ChainReport } from './chain-checker.js';
import { recordInspector } from './inspect.js';
import { makeLedger, reseal, resealAll, rootOf, type TextRecord } from './ledger.fixture.js';
import { sha256 } from './node.js';
import type { SealedRecord } from './record-json.js';

const ledger = makeLedger(40);
const headAt = (size: number) => ({ size, root: rootOf(ledger.slice(0, size)) });
const heads = [0, 7, 16, 33, 40].map(headAt);

function check(records: readonly SealedRecord[], options: ChainCheckerOptions = { heads }): ChainReport {
  const checker = new ChainChecker(sha256, options);
  records.forEach((record) => checker.check(record));
  return checker.finish();
}
const edit = (seq: number, change: (record: TextRecord) => Partial<SealedRecord>): SealedRecord[] =>
  ledger.map((record) => (record.seq === seq ? { ...record, ...change(record) } : record));
const editedText = (text: string) => text.replace('runseal-js', 'runseal-jz');

describe('a sound ledger', () => {
  it('has no fault, its root, and every head matched', () => {
    expect(check(ledger)).toEqual({
      size: 40,
      root: headAt(40).root,
      headsChecked: 5,
      matchedSize: 40,
      isForked: false,
      payloads: { verified: 40, pruned: 0, erased: 0, missing: 0, mismatched: 0 },
      faults: [],
      faultCount: 0,
    });
  });

  it('is the same read as bytes, and inspected apart', () => {
    const bytes = ledger.map((record) => ({
      ...record,
      envelope: toUtf8(record.envelope),
      payload: toUtf8(record.payload as string),
    }));
    expect(check(bytes)).toEqual(check(ledger));
    const checker = new ChainChecker(sha256, { heads });
    const inspect = recordInspector(sha256);
    for (const record of ledger) checker.add(structuredClone(inspect(record)));
    expect(checker.finish()).toEqual(check(ledger));
  });

  it('is sound when it is empty', () => {
    expect(check([], { heads: [headAt(0)] })).toMatchObject({ size: 0, matchedSize: 0, faultCount: 0 });
  });

  it('may have texts longer than any before', () => {
    const long = resealAll(ledger.map((record) => ({ ...record, payload: `"${'é'.repeat(record.seq * 1000)}"` })));
    expect(check(long, {}).faults).toEqual([]);
  });
});

describe('one change is one fault, at its place', () => {
  it.each<[string, SealedRecord[], object]>([
    [
      'envelope edited, hash left',
      edit(9, ({ envelope }) => ({ envelope: editedText(envelope) })),
      { kind: 'content', seq: 9 },
    ],
    ['stored hash edited', edit(9, () => ({ hash: new Uint8Array(32) })), { kind: 'content', seq: 9 }],
    ['stored hash cut', edit(9, ({ hash }) => ({ hash: hash.slice(1) })), { kind: 'content', seq: 9 }],
    ['stream_prev edited', edit(9, () => ({ streamPrev: 5 })), { kind: 'content', seq: 9 }],
    ['stream_prev negative', edit(9, () => ({ streamPrev: -1 })), { kind: 'content', seq: 9 }],
    ['prev_hash edited', edit(9, () => ({ prevHash: new Uint8Array(32) })), { kind: 'content', seq: 9 }],
    ['prev_hash cut', edit(9, ({ prevHash }) => ({ prevHash: prevHash.slice(1) })), { kind: 'content', seq: 9 }],
    ['envelope no UTF-8', edit(9, () => ({ envelope: Uint8Array.of(255) })), { kind: 'content', seq: 9 }],
    ['payload edited', edit(9, () => ({ payload: '{}' })), { kind: 'payload_mismatch', seq: 9 }],
    ['salt edited', edit(9, () => ({ salt: new Uint8Array(32) })), { kind: 'payload_mismatch', seq: 9 }],
    ['salt cut', edit(9, ({ salt }) => ({ salt: salt?.slice(1) ?? null })), { kind: 'payload_mismatch', seq: 9 }],
    ['salt gone', edit(9, () => ({ salt: null })), { kind: 'payload_mismatch', seq: 9 }],
    ['payload gone', edit(9, () => ({ payload: null })), { kind: 'payload_missing', seq: 9 }],
    [
      'payload gone, called pruned',
      edit(9, () => ({ payload: null, payloadState: 'pruned' })),
      { kind: 'payload_missing', seq: 9 },
    ],
    ['a record deleted in the middle', ledger.filter(({ seq }) => seq !== 9), { kind: 'hole', seq: 9 }],
    ['a range deleted in the middle', ledger.filter(({ seq }) => seq < 9 || seq > 20), { kind: 'hole', seq: 9 }],
    ['the first record deleted', ledger.slice(1), { kind: 'hole', seq: 0 }],
    ['a record given twice', [...ledger.slice(0, 10), ...ledger.slice(9)], { kind: 'link', seq: 9 }],
    ['the last records deleted', ledger.slice(0, 36), { kind: 'tail_missing', between: [36, 40] }],
    ['all records deleted', [], { kind: 'tail_missing', between: [0, 40] }],
  ])('%s', (title, records, fault) => {
    // A cut or edited stored hash is also what stands in the tree, so heads beyond it fail too: only that may come on top.
    const report = check(records);
    expect(report.faults.filter(({ kind }) => kind !== 'head_mismatch')).toEqual([fault]);
    expect(report.faults.length).toBe(title === 'stored hash edited' ? 2 : 1);
  });

  it('an edited payload digest fits neither hash nor payload', () => {
    for (const payloadDigest of [new Uint8Array(32), new Uint8Array(400)]) {
      expect(check(edit(9, () => ({ payloadDigest }))).faults).toEqual([
        { kind: 'content', seq: 9 },
        { kind: 'payload_mismatch', seq: 9 },
      ]);
    }
  });

  it('a chain rewritten after one edit contradicts the first head behind it', () => {
    const changed = ledger.map((record) => ({
      ...record,
      envelope: record.seq === 22 ? editedText(record.envelope) : record.envelope,
    }));
    expect(check(resealAll(changed))).toMatchObject({
      faults: [{ kind: 'head_mismatch', between: [16, 33] }],
      matchedSize: 16,
    });
    expect(check(resealAll(changed), {}).faults).toEqual([]);
  });

  it('says that two histories were signed where a head matches after one that did not', () => {
    const other = { size: 16, root: new Uint8Array(32) };
    expect(check(ledger, { heads: [headAt(7), other, headAt(40)] })).toMatchObject({
      isForked: true,
      matchedSize: 7,
      faults: [{ kind: 'head_mismatch', between: [7, 16] }],
    });
  });

  it('two swapped records are seen at the first of them', () => {
    const swapped = [...ledger];
    [swapped[9], swapped[10]] = [
      { ...(ledger[10] as TextRecord), seq: 9 },
      { ...(ledger[9] as TextRecord), seq: 10 },
    ];
    expect(check(swapped).faults[0]).toEqual({ kind: 'content', seq: 9 });
  });

  it('a record sealed on another predecessor is a broken link', () => {
    const foreign = resealAll(ledger.map((record) => ({ ...record, salt: new Uint8Array(32).fill(99) })));
    const records = ledger.map((record) => (record.seq === 9 ? (foreign[9] as TextRecord) : record));
    expect(check(records).faults[0]).toEqual({ kind: 'link', seq: 9 });
  });

  it('a record that leaves out its stream’s record before is a broken link', () => {
    const relinked: TextRecord[] = [];
    for (const record of makeLedger(12, 1)) {
      const sealed = reseal(record, relinked.at(-1), record.seq === 4 ? [] : relinked);
      relinked.push(sealed);
    }
    expect(check(relinked, {}).faults).toEqual([{ kind: 'link', seq: 4 }]);
  });

  it('finds any single edit of any record', () => {
    const anyEdit = fc.constantFrom<(record: TextRecord) => Partial<SealedRecord>>(
      ({ envelope }) => ({ envelope: editedText(`${envelope} `) }),
      ({ payload }) => ({ payload: `${payload} ` }),
      ({ salt }) => ({ salt: (salt as Uint8Array).map((byte) => byte ^ 1) }),
      ({ payloadDigest }) => ({ payloadDigest: payloadDigest.map((byte) => byte ^ 1) }),
    );
    fc.assert(
      fc.property(fc.nat(39), anyEdit, (seq, change) => {
        expect(check(edit(seq, change)).faults[0]).toMatchObject({ seq });
      }),
    );
  });
});

describe('limits', () => {
  it('keeps 100 faults and counts all', () => {
    const long = makeLedger(150).map((record) => ({ ...record, payload: null }));
    const report = check(long, {});
    expect([report.faults.length, report.faultCount, report.payloads.missing]).toEqual([100, 150, 150]);
  });

  it('survives a seq that jumps across the whole range', () => {
    const far = { ...(ledger[1] as TextRecord), seq: 2 ** 53 - 1 };
    const report = check([ledger[0] as TextRecord, far], {});
    expect(report.faults).toEqual([
      { kind: 'hole', seq: 1 },
      { kind: 'content', seq: 2 ** 53 - 1 },
    ]);
    expect(report.root).toBeNull();
  });

  it('asks whether a pruned or erased payload may be gone, and counts it', () => {
    const asked: unknown[] = [];
    const pruned = edit(9, () => ({ payload: null, payloadState: 'pruned' }));
    const report = check(pruned, { isAbsenceProven: (...args) => asked.push(args) > 0 });
    expect(asked).toEqual([[9, 'metrics', 'pruned']]);
    expect(report).toMatchObject({ faults: [], payloads: { verified: 39, pruned: 1 } });
    const gone = edit(9, () => ({ payload: null, payloadState: 'present' }));
    expect(check(gone, { isAbsenceProven: () => true }).faults).toEqual([{ kind: 'payload_missing', seq: 9 }]);
  });
});
