import { signHead } from './head.js';
import { makeLedger, resealAll, rootOf, testSigner, type TextRecord } from './ledger.fixture.js';
import { ed25519Verify, sha256 } from './node.js';
import { LedgerVerifier, type VerifyLedgerInput, type VerifyLedgerResult } from './verify-ledger.js';

const crypto = { sha256, verify: ed25519Verify };
const records = makeLedger(20);
const signerOf = (epoch: number, seedByte = 7) => testSigner(`acme/default/${epoch}`, seedByte);
const headOf = (of: readonly TextRecord[], size: number, epoch = 0, seedByte = 7) =>
  signHead({ origin: `acme/default/${epoch}`, size, root: rootOf(of.slice(0, size)) }, [signerOf(epoch, seedByte)]);

function verify(given: readonly TextRecord[], input: Partial<VerifyLedgerInput> = {}): VerifyLedgerResult {
  const verifier = new LedgerVerifier({
    crypto,
    trust: 'known-log',
    keys: [signerOf(0).key],
    knownHeads: [],
    shownHeads: [headOf(records, 10), headOf(records, 18)],
    laterEpochs: [],
    acceptedEpoch: 0,
    ...input,
  });
  for (const record of given) verifier.add(record);
  return verifier.result();
}

/** A record like the given one that opens epoch 1; `after` is what came before it. */
function restored(after: readonly TextRecord[]): TextRecord {
  const template = records[0] as TextRecord;
  const envelope = template.envelope.replace('"type":"run.started"', '"type":"ledger.restored"');
  const payload = `{"epoch":1,"kept_size":${after.length}}`;
  return { ...template, seq: after.length, epoch: 1, envelope, payload };
}

describe('LedgerVerifier', () => {
  it('calls intact what the newest head of a trusted key covers, and counts the rest apart', () => {
    expect(verify(records)).toMatchObject({
      verdict: 'intact',
      anchoredTo: 18,
      unanchored: 2,
      headsChecked: 2,
      faults: [],
      payloads: { verified: 20 },
    });
  });

  it('is undetermined without a key that was learned elsewhere, and without any head of it', () => {
    expect(verify(records, { trust: 'none' })).toMatchObject({ verdict: 'undetermined', anchoredTo: null });
    expect(verify(records, { shownHeads: [] })).toMatchObject({ verdict: 'undetermined', anchoredTo: null });
    const foreign = { shownHeads: [headOf(records, 18, 0, 8)] };
    expect(verify(records, foreign)).toMatchObject({ verdict: 'undetermined', headsChecked: 0, faults: [] });
  });

  it('says tampered without any key where the records contradict themselves', () => {
    const edited = records.map((record) => (record.seq === 5 ? { ...record, payload: '{}' } : record));
    const result = verify(edited, { trust: 'none', shownHeads: [] });
    expect(result).toMatchObject({ verdict: 'tampered', faults: [{ kind: 'payload_mismatch', seq: 5 }] });
  });

  it('finds a chain that was recomputed between the last head that matches and the first that does not', () => {
    const edited = records.map((record) => (record.seq === 12 ? { ...record, payload: '{"note":"better"}' } : record));
    const result = verify(resealAll(edited));
    expect(result).toMatchObject({ verdict: 'tampered', faults: [{ kind: 'head_mismatch', between: [10, 18] }] });
  });

  it('calls it a fork where the recomputed chain was signed with the real key', () => {
    const other = resealAll(records.map((record) => (record.seq === 12 ? { ...record, payload: '{}' } : record)));
    const result = verify(other, { knownHeads: [headOf(records, 18)], shownHeads: [headOf(other, 19)] });
    expect(result).toMatchObject({ verdict: 'tampered', faults: [{ kind: 'fork', between: [0, 18] }] });
  });

  it('misses the tail up to the head that it knows', () => {
    const result = verify(records.slice(0, 15), { knownHeads: [headOf(records, 18)], shownHeads: [] });
    expect(result).toMatchObject({ verdict: 'tampered', faults: [{ kind: 'tail_missing', between: [15, 18] }] });
  });

  it('names the size of a head whose signature is wrong', () => {
    const note = headOf(records, 18);
    const shownHeads = [
      headOf(records, 10),
      note.replace(/([A-Za-z0-9+/])(=*\n)$/, (_all, last: string, end: string) => `${last === 'A' ? 'Q' : 'A'}${end}`),
    ];
    expect(shownHeads[1]).not.toBe(note);
    expect(verify(records, { shownHeads })).toMatchObject({
      verdict: 'tampered',
      faults: [{ kind: 'head_signature', seq: 18 }],
    });
  });

  it('refuses a head that the verifier keeps itself and that none of its keys signed', () => {
    expect(() => verify(records, { knownHeads: [headOf(records, 18, 0, 8)] })).toThrow('none of the 1 given keys');
  });

  it('compares each head once, however often it is given', () => {
    const note = headOf(records, 18);
    expect(verify(records, { knownHeads: [note, note], shownHeads: [note] }).headsChecked).toBe(1);
  });

  describe('of a ledger with a later epoch', () => {
    const kept = records.slice(0, 10);
    const again = resealAll([
      ...kept,
      restored(kept),
      ...records.slice(10, 14).map((record) => ({ ...record, epoch: 1 })),
    ]);
    const later = { laterEpochs: [{ epoch: 1, keptSize: 10 }], shownHeads: [headOf(again, 15, 1)] };

    it('trusts the same key under the name of the new epoch', () => {
      expect(verify(again, later)).toMatchObject({ verdict: 'intact', epoch: 1, anchoredTo: 15, lost: [] });
    });

    it('is undetermined while a known head covers what was lost and nobody accepted the epoch', () => {
      const known = { ...later, knownHeads: [headOf(records, 18)] };
      const lost = [{ epoch: 0, from: 10, to: 17 }];
      expect(verify(again, known)).toMatchObject({ verdict: 'undetermined', lost });
      expect(verify(again, { ...known, acceptedEpoch: 1 })).toMatchObject({ verdict: 'intact', lost });
    });

    it('still holds a known head over the kept records against them', () => {
      const other = resealAll(again.map((record) => (record.seq === 3 ? { ...record, payload: '{}' } : record)));
      const result = verify(other, { ...later, knownHeads: [headOf(records, 10)], shownHeads: [] });
      expect(result).toMatchObject({ verdict: 'tampered', faults: [{ kind: 'head_mismatch', between: [0, 10] }] });
    });

    it('finds a record that claims another epoch than the one in which it was sealed', () => {
      const moved = again.map((record) => (record.seq === 12 ? { ...record, epoch: 0 } : record));
      expect(verify(moved, later)).toMatchObject({ verdict: 'tampered', faults: [{ kind: 'content', seq: 12 }] });
    });
  });
});
