import { equalBytes, type Sha256 } from './bytes.js';
import type { RetentionClass } from './envelope.js';
import { recordInspector, type Inspection } from './inspect.js';
import { GENESIS_HASH, HASH_LENGTH } from './record.js';
import type { PayloadState, SealedRecord } from './record-json.js';
import { Frontier } from './tree.js';

export type ChainFaultKind =
  'content' | 'payload_mismatch' | 'payload_missing' | 'hole' | 'link' | 'head_mismatch' | 'tail_missing';

/** One fault: at a seq, or between two sizes (the last that is known to be right, the first that is known to be wrong). */
export type ChainFault =
  | { kind: Exclude<ChainFaultKind, 'head_mismatch' | 'tail_missing'>; seq: number }
  | { kind: 'head_mismatch' | 'tail_missing'; between: [number, number] };

export interface ChainCheckerOptions {
  /** Known roots of this ledger, in any order; signatures and origins are the caller's to check. */
  heads?: readonly { size: number; root: Uint8Array }[];
  /** Whether a payload that is gone may be gone, by the policy in force; none may, where this is not given. */
  isAbsenceProven?: (seq: number, retention: RetentionClass, state: Exclude<PayloadState, 'present'>) => boolean;
}

export interface ChainReport {
  /** Records up to the last one seen, the missing ones in between counted. */
  size: number;
  /** Null after a hole, over which no root can be computed. */
  root: Uint8Array | null;
  headsChecked: number;
  /** Size of the newest given head that matched; null if none did. */
  matchedSize: number | null;
  /** True if a given head matched after another one had not: two histories were signed. */
  isForked: boolean;
  payloads: { verified: number; pruned: number; erased: number; missing: number; mismatched: number };
  /** The first 100, in the order of the ledger. */
  faults: readonly ChainFault[];
  faultCount: number;
}

const FAULTS_MAX = 100;
const DOUBTFUL_MAX = 10_000;

/**
 * Checks a whole ledger, record after record from seq 0, in one pass. After a fault it goes on from the stored hashes, so that
 * one change is one fault and not one for every record behind it. Memory: one entry a stream (about 600 bytes, for
 * stream_prev), at most 10,000 seqs that are in doubt, 100 faults; nothing else grows.
 *
 * The tree is made of the recomputed hashes. Where a record's content is not its stored hash's, that is a fault already, and
 * the stored hash takes its place in the tree: the heads then still tell whether anything else was changed.
 */
export class ChainChecker {
  readonly #inspect: (record: SealedRecord) => Inspection;
  readonly #options: ChainCheckerOptions;
  readonly #heads: readonly { size: number; root: Uint8Array }[];
  readonly #lastOfStream = new Map<string, number>();
  readonly #doubtful = new Set<number>();
  readonly #faults: ChainFault[] = [];
  readonly #payloads = { verified: 0, pruned: 0, erased: 0, missing: 0, mismatched: 0 };
  #frontier: Frontier | null;
  #size = 0;
  /** Hashes that the next record may name as the one before; none where the record before is missing. */
  #anchors: readonly Uint8Array[] = [GENESIS_HASH];
  #faultCount = 0;
  #headNext = 0;
  #headsChecked = 0;
  #matchedSize: number | null = null;
  #isHeadRefuted = false;
  #isForked = false;

  constructor(sha256: Sha256, options: ChainCheckerOptions = {}) {
    this.#inspect = recordInspector(sha256);
    this.#options = options;
    this.#heads = [...(options.heads ?? [])].sort((left, right) => left.size - right.size);
    this.#frontier = new Frontier(sha256);
    this.#compareHeads();
  }

  /** Inspects the next record and adds it. Never throws on what a record holds. */
  check(record: SealedRecord): void {
    this.add(this.#inspect(record));
  }

  /** Adds the next record, inspected elsewhere (by `recordInspector`, perhaps in a worker). */
  add(record: Inspection): void {
    if (record.seq < this.#size) {
      // Two records claim one seq: the second was put in, whatever it holds.
      this.#fault({ kind: 'link', seq: record.seq });
      return;
    }
    if (record.seq > this.#size) this.#jumpTo(record.seq);
    this.#checkOrder(record);
    this.#checkPayload(record);
    this.#size = record.seq + 1;
    this.#frontier?.append(record.storedHash.length === HASH_LENGTH ? record.storedHash : record.hash);
    this.#anchors = record.isContentIntact ? [record.storedHash] : [record.storedHash, record.hash];
    this.#compareHeads();
  }

  /** The result so far. */
  report(): ChainReport {
    return {
      size: this.#size,
      root: this.#frontier?.root() ?? null,
      headsChecked: this.#headsChecked,
      matchedSize: this.#matchedSize,
      isForked: this.#isForked,
      payloads: { ...this.#payloads },
      faults: [...this.#faults],
      faultCount: this.#faultCount,
    };
  }

  /** The result once there are no more records: a given head beyond the last one is then a missing tail. Call it once. */
  finish(): ChainReport {
    const newest = this.#heads.at(-1);
    if (newest !== undefined && newest.size > this.#size) {
      this.#fault({ kind: 'tail_missing', between: [this.#size, newest.size] });
    }
    return this.report();
  }

  #checkOrder(record: Inspection): void {
    const { seq, stream } = record;
    if (!record.isContentIntact || stream === null) {
      this.#fault({ kind: 'content', seq });
      this.#doubt(seq);
      return;
    }
    const isLinked = this.#anchors.length === 0 || this.#anchors.some((hash) => equalBytes(hash, record.prevHash));
    const prev = this.#lastOfStream.get(stream) ?? null;
    if (isLinked && (record.streamPrev === prev || this.#mayFollow(record.streamPrev, prev))) {
      this.#lastOfStream.set(stream, seq);
      return;
    }
    this.#fault({ kind: 'link', seq });
    this.#doubt(seq);
  }

  #checkPayload({ seq, payload, payloadState, class: retention }: Inspection): void {
    const { isAbsenceProven } = this.#options;
    if (payload === 'payload_mismatch') {
      this.#payloads.mismatched += 1;
      this.#fault({ kind: payload, seq });
    } else if (payload === 'verified') {
      this.#payloads.verified += 1;
    } else if (payloadState !== 'present' && retention !== null && isAbsenceProven?.(seq, retention, payloadState)) {
      this.#payloads[payloadState] += 1;
    } else {
      this.#payloads.missing += 1;
      this.#fault({ kind: 'payload_missing', seq });
    }
  }

  #jumpTo(seq: number): void {
    this.#fault({ kind: 'hole', seq: this.#size });
    for (let missing = this.#size; missing < seq && this.#doubtful.size <= DOUBTFUL_MAX; missing++)
      this.#doubt(missing);
    this.#frontier = null;
    this.#anchors = [];
    this.#size = seq;
  }

  /** A stream's record before may be one that is missing or was changed: that is a fault already, and no second one here. */
  #mayFollow(streamPrev: number | null, known: number | null): boolean {
    if (streamPrev === null || (known !== null && streamPrev < known)) return false;
    return this.#doubtful.size > DOUBTFUL_MAX || this.#doubtful.has(streamPrev);
  }

  #doubt(seq: number): void {
    if (this.#doubtful.size <= DOUBTFUL_MAX) this.#doubtful.add(seq);
  }

  #compareHeads(): void {
    for (let head = this.#heads[this.#headNext]; head?.size === this.#size; head = this.#heads[++this.#headNext]) {
      if (this.#frontier === null) continue;
      this.#headsChecked += 1;
      if (equalBytes(this.#frontier.root(), head.root)) {
        if (this.#isHeadRefuted) this.#isForked = true;
        else this.#matchedSize = head.size;
      } else if (!this.#isHeadRefuted) {
        this.#isHeadRefuted = true;
        this.#fault({ kind: 'head_mismatch', between: [this.#matchedSize ?? 0, head.size] });
      }
    }
    // Heads whose size lies inside a hole are passed by.
    while ((this.#heads[this.#headNext]?.size ?? Infinity) < this.#size) this.#headNext += 1;
  }

  #fault(fault: ChainFault): void {
    this.#faultCount += 1;
    if (this.#faults.length < FAULTS_MAX) this.#faults.push(fault);
  }
}
