import { toBase64, toHex } from './bytes.js';
import { formatEvidence, verifyEvidence, type EvidenceCode } from './evidence.js';
import { formatHead, openHead, parseHead, parseOrigin, signHead } from './head.js';
import { makeLedger, rootOf, testSigner, type TextRecord } from './ledger.fixture.js';
import { ed25519Verify, sha256 } from './node.js';
import { formatVerifierKey, NoteError, openNote, signNote, type NoteErrorCode } from './note.js';
import { inclusionProof } from './proof.js';
import { recordJson, type RecordJson } from './record-json.js';
import { TileBuilder, tilePath, tileReader } from './tile.js';
import { formatTlogProof, parseTlogProof } from './tlog-proof.js';
import { mustRefuse } from './vectors-record.fixture.js';

const origin = 'lab-1.a0b1c2/default/0';
const signer = testSigner(origin, 1);
const witness = testSigner('witness.example', 2);
const stranger = testSigner(origin, 3);
const ledger = makeLedger(300);
const head = { origin, size: 300, root: rootOf(ledger) };
const headNote = signHead(head, [signer]);
const path = pathTo(257);
const proof = formatTlogProof({ index: 257, path, headNote });

export function noteVectors() {
  const text = 'first line\n\nthird line — é\n';
  const both = signNote(text, [signer, witness]);
  const forged = signNote(text, [{ key: signer.key, sign: witness.sign }, witness]);
  const hostile: [string, NoteErrorCode, string][] = [
    ['text changed', 'bad_signature', both.replace('first', 'First')],
    ['one of two known keys forged', 'bad_signature', forged],
    ['only keys that are not known', 'unknown_key', signNote(text, [stranger])],
    ['no signature', 'malformed', text],
    ['no last newline', 'malformed', both.slice(0, -1)],
    ['carriage returns', 'malformed', both.replaceAll('\n', '\r\n')],
    ['a hyphen for the em dash', 'malformed', both.replaceAll('\n—', '\n-')],
    ['base64 without padding', 'malformed', both.replaceAll('=\n', '\n')],
  ];
  const keys = [signer.key, witness.key];
  openNote(ed25519Verify, both, keys);
  return {
    keys: [1, 2].map((seedByte, index) => {
      const key = keys[index] as (typeof keys)[number];
      return {
        seed: toHex(new Uint8Array(32).fill(seedByte)),
        name: key.name,
        id: key.id,
        public_key: toHex(key.publicKey),
        verifier_key: formatVerifierKey(key),
      };
    }),
    valid: [{ text, note: both, signed_by: keys.map(({ name }) => name) }],
    refused: hostile.map(([why, code, note]) => {
      requireNoteCode(why, code, () => openNote(ed25519Verify, note, keys));
      return { why, code, note };
    }),
  };
}

export function headVectors() {
  const text = formatHead(head);
  const refusedTexts = [
    `${text}extension\n`,
    text.slice(0, -1),
    text.replace('\n300\n', '\n0300\n'),
    text.replace('\n300\n', '\n9007199254740992\n'),
    text.replace(origin, 'example.com/log'),
    text.replace(toBase64(head.root), toBase64(head.root.slice(1))),
  ];
  const refusedOrigins = ['a/b', 'a/b/01', 'a/b/-1', 'a/b/1/2', 'A/b/0', '-a/b/0', 'a/b c/0'];
  for (const wrong of refusedTexts) mustRefuse(wrong, () => parseHead(wrong));
  for (const wrong of refusedOrigins) mustRefuse(wrong, () => parseOrigin(wrong));
  const other = testSigner('lab-1.a0b1c2/default/1', 1);
  const foreign = signNote(text, [other]);
  requireNoteCode('foreign key', 'unknown_key', () => openHead(ed25519Verify, foreign, [other.key]));
  return {
    verifier_key: formatVerifierKey(signer.key),
    valid: [headNote, signHead(head, [signer, witness])].map((note) => ({
      origin,
      size: 300,
      root: toHex(head.root),
      note,
    })),
    refused_texts: refusedTexts,
    refused_origins: refusedOrigins,
    refused_notes: [
      { why: 'signed by the key of another epoch', verifier_key: formatVerifierKey(other.key), note: foreign },
    ],
  };
}

export function tlogProofVectors() {
  const extra = formatTlogProof({ index: 0, path: [], headNote, extra: Uint8Array.of(1, 2, 3) });
  const refused = [
    proof.replace('@v1', '@v2'),
    proof.replace('index 257', 'index 0257'),
    proof.replace('index 257\n', ''),
    proof.replace('index 257', 'index 257\nextra AQID'),
    proof.replace(toBase64(path[0] as Uint8Array), 'AQID'),
    proof.replace('\n\n', '\n'),
  ];
  // The last one still has the empty line before the signatures, so the head's lines stand where hashes do.
  for (const text of refused) mustRefuse(text, () => parseTlogProof(text));
  return {
    valid: [proof, extra].map((text) => {
      const parsed = parseTlogProof(text);
      const bytes = parsed.extra === undefined ? null : toHex(parsed.extra);
      return { text, index: parsed.index, path: parsed.path.map(toHex), extra: bytes, head_note: parsed.headNote };
    }),
    refused,
  };
}

export function evidenceVectors() {
  const record = recordJson(ledger[257] as TextRecord);
  const file = (change: Partial<RecordJson> = {}, text = proof) => formatEvidence({ ...record, ...change }, text);
  const withNote = (note: string) => formatTlogProof({ index: 257, path, headNote: note });
  const smaller = signHead({ origin, size: 299, root: rootOf(ledger.slice(0, 299)) }, [signer]);
  const cases: [string, EvidenceCode | 'verified' | 'pruned' | 'erased', string][] = [
    ['as sealed', 'verified', file()],
    ['pruned', 'pruned', file({ payload: null, payload_state: 'pruned' })],
    ['erased', 'erased', file({ payload: null, salt: null, payload_state: 'erased' })],
    ['envelope edited', 'content', file({ envelope: record.envelope.replace('runseal-js', 'runseal-jz') })],
    ['hash edited', 'content', file({ hash: '00'.repeat(32) })],
    ['payload edited', 'payload_mismatch', file({ payload: '{}' })],
    ['salt cut', 'payload_mismatch', file({ salt: '00'.repeat(31) })],
    ['payload gone without a word', 'payload_missing', file({ payload: null })],
    ['pruned, but the salt gone too', 'payload_missing', file({ payload: null, salt: null, payload_state: 'pruned' })],
    ['proof of another index', 'malformed', file({}, formatTlogProof({ index: 256, path, headNote }))],
    ['path of another record', 'not_included', file({}, formatTlogProof({ index: 257, path: pathTo(256), headNote }))],
    ['trailing hash', 'not_included', file({}, formatTlogProof({ index: 257, path: [...path, head.root], headNote }))],
    ['head of another size', 'not_included', file({}, withNote(smaller))],
    ['head edited', 'head_signature', file({}, proof.replace('\n300\n', '\n301\n'))],
    ['head of a stranger', 'unknown_key', file({}, withNote(signHead(head, [stranger])))],
    ['another ledger', 'malformed', file({ ledger: 'other' })],
  ];
  return {
    verifier_key: formatVerifierKey(signer.key),
    cases: cases.map(([what, expected, evidence]) => {
      const result = verifyEvidence({ sha256, verify: ed25519Verify }, evidence, [signer.key]);
      const found = result.isValid ? result.payload : result.code;
      if (found !== expected) throw new Error(`${what}: found ${found}, wanted ${expected}`);
      return { what, expected, evidence };
    }),
  };
}

function pathTo(index: number): Uint8Array[] {
  const builder = new TileBuilder(sha256);
  ledger.forEach(({ hash }) => builder.append(hash));
  const tiles = new Map(builder.take().map(({ tile, bytes }) => [tilePath(tile), bytes]));
  return inclusionProof(
    sha256,
    tileReader(sha256, 300, (tile) => tiles.get(tilePath(tile)) as Uint8Array),
    index,
    300,
  );
}

function requireNoteCode(why: string, code: NoteErrorCode, act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (error instanceof NoteError && error.code === code) return;
    throw error;
  }
  throw new Error(`accepted: ${why}`);
}
