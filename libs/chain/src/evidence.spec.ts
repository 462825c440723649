import { toBase64 } from './bytes.js';
import { formatEvidence, verifyEvidence } from './evidence.js';
import { formatHead, signHead } from './head.js';
import { makeLedger, rootOf, testSigner, type TextRecord } from './ledger.fixture.js';
import { ed25519Verify, sha256 } from './node.js';
import { signNote } from './note.js';
import { inclusionProof } from './proof.js';
import { recordJson, type RecordJson } from './record-json.js';
import { referenceRoot } from './reference-tree.fixture.js';
import { formatTlogProof, parseTlogProof, type TlogProof } from './tlog-proof.js';

const crypto = { sha256, verify: ed25519Verify };
const origin = 'lab/default/0';
const signer = testSigner(origin, 1);
const ledger = makeLedger(21);
const hashes = ledger.map(({ hash }) => hash);
const headNote = signHead({ origin, size: 21, root: rootOf(ledger) }, [signer]);
const path = inclusionProof(
  sha256,
  (level, index) => referenceRoot(sha256, hashes.slice(index * 2 ** level, (index + 1) * 2 ** level)),
  9,
  21,
);
const record = recordJson(ledger[9] as TextRecord);
const proof = formatTlogProof({ index: 9, path, headNote });
const codeOf = (changes: Partial<RecordJson>, proofText = proof, keys = [signer.key]) => {
  const result = verifyEvidence(crypto, formatEvidence({ ...record, ...changes }, proofText), keys);
  return result.isValid ? result.payload : result.code;
};
const withProof = (change: Partial<TlogProof>) => formatTlogProof({ ...parseTlogProof(proof), ...change });

describe('verifyEvidence', () => {
  it('accepts a record of the ledger with its head', () => {
    const result = verifyEvidence(crypto, formatEvidence(record, proof), [signer.key]);
    expect(result).toMatchObject({
      isValid: true,
      payload: 'verified',
      head: { origin, size: 21 },
      record: { seq: 9 },
    });
  });

  it('accepts a pruned record with its salt and an erased one without, and says so', () => {
    expect(codeOf({ payload: null, payload_state: 'pruned' })).toBe('pruned');
    expect(codeOf({ payload: null, salt: null, payload_state: 'erased' })).toBe('erased');
    expect(codeOf({ payload: null, salt: null, payload_state: 'pruned' })).toBe('payload_missing');
    expect(codeOf({ payload: null })).toBe('payload_missing');
  });

  it('accepts a record of an earlier epoch under a later one’s head, not the other way round', () => {
    const later = testSigner('lab/default/2', 1);
    const note = signHead({ origin: later.key.name, size: 21, root: rootOf(ledger) }, [later]);
    expect(codeOf({ epoch: 1 }, withProof({ headNote: note }), [later.key])).toBe('verified');
    expect(codeOf({ epoch: 3 }, withProof({ headNote: note }), [later.key])).toBe('malformed');
  });

  it.each<[string, Partial<RecordJson>]>([
    ['content', { envelope: record.envelope.replace('runseal-js', 'runseal-jz') }],
    ['content', { stream_prev: 5 }],
    ['content', { hash: '00'.repeat(32) }],
    ['content', { seq: 10 }],
    ['payload_mismatch', { payload: '{}' }],
    ['payload_mismatch', { payload: '\ud800' }],
    ['payload_mismatch', { salt: '00'.repeat(31) }],
    ['payload_mismatch', { salt: null }],
    ['malformed', { hash: 'zz' }],
    ['malformed', { ledger: 'other' }],
    ['malformed', { prev_hash: record.prev_hash.toUpperCase() }],
  ])('says %s of a record with %p', (code, change) => expect(codeOf(change)).toBe(code));

  it('refuses proofs of another record, path, root or signature', () => {
    expect(codeOf({}, withProof({ index: 8 }))).toBe('malformed');
    expect(codeOf({}, withProof({ path: path.slice(1) }))).toBe('not_included');
    expect(codeOf({}, withProof({ path: [...path, sha256(new Uint8Array(1))] }))).toBe('not_included');
    const forged = proof.replace(toBase64(rootOf(ledger)), toBase64(new Uint8Array(32)));
    expect(codeOf({}, forged)).toBe('head_signature');
    const other = signHead({ origin, size: 20, root: rootOf(ledger.slice(0, 20)) }, [signer]);
    expect(codeOf({}, withProof({ headNote: other }))).toBe('not_included');
    const small = signHead({ origin, size: 9, root: rootOf(ledger.slice(0, 9)) }, [signer]);
    expect(codeOf({}, withProof({ headNote: small }))).toBe('not_included');
  });

  it('knows nothing without the key', () => {
    expect(codeOf({}, proof, [])).toBe('unknown_key');
    expect(codeOf({}, proof, [testSigner(origin, 2).key])).toBe('unknown_key');
    const note = signNote(formatHead({ origin, size: 21, root: rootOf(ledger) }), [testSigner('witness', 3)]);
    expect(codeOf({}, withProof({ headNote: note }), [testSigner('witness', 3).key])).toBe('unknown_key');
  });

  it.each(['', 'null', '{}', '[]', '{"format":"runseal.evidence.v1","record":{},"proof":""}'])(
    'calls %p malformed instead of throwing',
    (text) => expect(verifyEvidence(crypto, text, [signer.key])).toMatchObject({ isValid: false, code: 'malformed' }),
  );
});
