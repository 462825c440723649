import type { Ed25519Verify, Sha256 } from './bytes.js';
import { openHead, parseOrigin, type Head } from './head.js';
import { recordInspector } from './inspect.js';
import { NoteError, type VerifierKey } from './note.js';
import { ProofError, verifyInclusion } from './proof.js';
import { parseRecord, type RecordJson, type SealedRecord } from './record-json.js';
import { parseTlogProof, type TlogProof } from './tlog-proof.js';

const FORMAT = 'runseal.evidence.v1';

/**
 * `malformed`: no evidence file, or one whose parts name different records; `head_signature`: the head's signature is wrong;
 * `unknown_key`: nothing of it is signed by a given key, so nothing is known; `content`: the record is not the one that was hashed;
 * `payload_mismatch`, `payload_missing`; `not_included`: the path does not lead from the record to the head.
 */
export type EvidenceCode =
  'malformed' | 'head_signature' | 'unknown_key' | 'content' | 'payload_mismatch' | 'payload_missing' | 'not_included';

/** `payload`: `pruned` and `erased` are the file's own claim, which needs the ledger's later events to be proven. */
export type EvidenceResult =
  | { isValid: true; record: SealedRecord; head: Head; payload: 'verified' | 'pruned' | 'erased' }
  | { isValid: false; code: EvidenceCode; message: string };

export interface VerifyCrypto {
  sha256: Sha256;
  verify: Ed25519Verify;
}

/** The text of an evidence file. */
export function formatEvidence(record: RecordJson, proof: string): string {
  return `${JSON.stringify({ format: FORMAT, record, proof })}\n`;
}

/** Checks one record offline: its digests, its place in the tree, and the head's signature by one of the keys. Never throws. */
export function verifyEvidence(crypto: VerifyCrypto, text: string, keys: readonly VerifierKey[]): EvidenceResult {
  try {
    const { record, proof } = readEvidence(text);
    const head = openHead(crypto.verify, proof.headNote, keys);
    const payload = checkRecord(crypto.sha256, record);
    requireSameRecord(record, proof, head);
    verifyInclusion(crypto.sha256, { ...proof, leafHash: record.hash, size: head.size, root: head.root });
    return { isValid: true, record, head, payload };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { isValid: false, code: codeOf(error), message: error.message };
  }
}

class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  readonly code: EvidenceCode;

  constructor(code: EvidenceCode, message: string) {
    super(message);
    this.code = code;
  }
}

function readEvidence(text: string): { record: SealedRecord; proof: TlogProof } {
  const file = JSON.parse(text) as { format?: unknown; record?: unknown; proof?: unknown } | null;
  if (file?.format !== FORMAT || typeof file.proof !== 'string') {
    throw new TypeError(`an evidence file has format ${FORMAT}, a record and a proof`);
  }
  return { record: parseRecord(file.record), proof: parseTlogProof(file.proof) };
}

function checkRecord(sha256: Sha256, record: SealedRecord): 'verified' | 'pruned' | 'erased' {
  const { isContentIntact, payload, payloadState } = recordInspector(sha256)(record);
  if (!isContentIntact) throw new EvidenceError('content', `record ${record.seq} is not the one that its hash is of`);
  if (payload === 'payload_mismatch') {
    throw new EvidenceError(
      'payload_mismatch',
      `payload or salt of record ${record.seq} is not the one that was sealed`,
    );
  }
  if (payload === 'verified') return payload;
  if (payloadState === 'present' || (payloadState === 'pruned' && record.salt === null)) {
    throw new EvidenceError('payload_missing', `record ${record.seq} has no payload and does not say why`);
  }
  return payloadState;
}

/** A record keeps the epoch in which it was sealed, and later epochs' trees hold it too. */
function requireSameRecord(record: SealedRecord, proof: TlogProof, head: Head): void {
  const origin = parseOrigin(head.origin);
  if (proof.index !== record.seq) {
    throw new EvidenceError('malformed', `the proof is of record ${proof.index}, the record is ${record.seq}`);
  }
  if (origin.ledger !== record.ledger || origin.epoch < record.epoch) {
    throw new EvidenceError(
      'malformed',
      `the head is of ${head.origin}, the record of ${record.ledger}, ${record.epoch}`,
    );
  }
}

function codeOf(error: Error): EvidenceCode {
  if (error instanceof EvidenceError) return error.code;
  if (error instanceof ProofError) return 'not_included';
  if (error instanceof NoteError) return error.code === 'bad_signature' ? 'head_signature' : error.code;
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) return 'malformed';
  throw error;
}
