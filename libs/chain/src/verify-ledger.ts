import { ChainChecker, type ChainFault, type ChainReport } from './chain-checker.js';
import { fromUtf8 } from './bytes.js';
import type { VerifyCrypto } from './evidence.js';
import { formatOrigin, openHead, parseHead, parseOrigin, type Head } from './head.js';
import { recordInspector, type Inspection } from './inspect.js';
import { NoteError, verifierKey, type VerifierKey } from './note.js';
import type { SealedRecord } from './record-json.js';

/** Kinds as INTERFACES names them; `tile` is the path of a tile that is not what the records give. */
export type LedgerFault =
  | ChainFault
  | { kind: 'head_signature'; seq: number }
  | { kind: 'fork'; between: [number, number] }
  | { kind: 'tile_mismatch'; tile: string };

/** An epoch that a restore opened: it goes on from the first `keptSize` records. */
export interface LaterEpoch {
  epoch: number;
  keptSize: number;
}

export interface VerifyLedgerInput {
  crypto: VerifyCrypto;
  /** Where the keys come from; `none`: they were learned from whoever is to be verified, so they anchor nothing. */
  trust: 'known-log' | 'given' | 'none';
  /** Keys of the ledger's heads, of any of its epochs. */
  keys: readonly VerifierKey[];
  /** Notes of heads that the verifier kept or was given: today's ledger must extend them. */
  knownHeads: readonly string[];
  /** Notes of heads that the ledger's keeper shows now. */
  shownHeads: readonly string[];
  /** What the ledger's own stream says of later epochs, in order. */
  laterEpochs: readonly LaterEpoch[];
  /** The newest epoch that a person has accepted in place of what was lost. */
  acceptedEpoch: number;
}

export interface LostRange {
  epoch: number;
  from: number;
  to: number;
}

export interface VerifyLedgerResult {
  verdict: 'intact' | 'tampered' | 'undetermined';
  /** Why it is undetermined, for people; null otherwise. */
  reason: string | null;
  epoch: number;
  size: number;
  /** Null where records are missing. */
  root: Uint8Array | null;
  /** Size of the newest trusted head that the records match. */
  anchoredTo: number | null;
  unanchored: number;
  headsChecked: number;
  payloads: ChainReport['payloads'];
  /** Acknowledged records that a restore lost, as far as heads prove them. */
  lost: LostRange[];
  faults: LedgerFault[];
  faultCount: number;
}

const FAULTS_MAX = 100;

/**
 * Verifies a whole ledger: every record from seq 0 by its hashes, and the tree against signed heads. Feed it every record in
 * order, then ask for the result. What the records cannot prove by themselves is never called intact.
 */
export class LedgerVerifier {
  readonly #input: VerifyLedgerInput;
  readonly #inspect: (record: SealedRecord) => Inspection;
  readonly #checker: ChainChecker;
  readonly #faults: LedgerFault[] = [];
  readonly #lost: LostRange[] = [];
  #epoch = 0;
  #isLossAccepted = true;

  constructor(input: VerifyLedgerInput) {
    this.#input = input;
    this.#inspect = recordInspector(input.crypto.sha256);
    const known = [...new Set(input.knownHeads)].map((note) => this.#openKnown(note));
    const shown = [...new Set(input.shownHeads)]
      .filter((note) => !input.knownHeads.includes(note))
      .map((note) => this.#openShown(note))
      .filter((head) => head !== null);
    const heads = [...known, ...shown].filter((head) => !this.#isLost(head, known));
    this.#checker = new ChainChecker(input.crypto.sha256, { heads });
  }

  /** Adds the next record. Never throws on what it holds. */
  add(record: SealedRecord): void {
    this.addInspected(record, this.#inspect(record));
  }

  /** Adds the next record, inspected elsewhere (by `recordInspector`, perhaps in a worker). */
  addInspected(record: Pick<SealedRecord, 'epoch' | 'seq' | 'envelope' | 'payload'>, inspection: Inspection): void {
    if (record.epoch !== this.#epoch) this.#epoch = this.#epochAt(record);
    // The epoch is not hashed: it follows from the records that opened it.
    const isEpochRight = record.epoch === this.#epoch;
    this.#checker.add(isEpochRight ? inspection : { ...inspection, isContentIntact: false });
  }

  /** Puts down a fault that was found beside the records, such as a tile that differs. */
  addFault(fault: LedgerFault): void {
    this.#faults.push(fault);
  }

  /** Call it once. `withheld` says why the records broke off before their end, where they did: the rest is then not missing. */
  result(withheld: string | null = null): VerifyLedgerResult {
    const report = withheld === null ? this.#checker.finish() : this.#checker.report();
    const isAnchored = this.#input.trust !== 'none' && report.matchedSize !== null;
    const faults = [...report.faults.map((fault) => asFork(fault, report)), ...this.#faultsBeside(report)];
    const faultCount = report.faultCount + faults.length - report.faults.length;
    const reason = faultCount > 0 ? null : (withheld ?? this.#findDoubt(isAnchored));
    const anchoredTo = isAnchored ? report.matchedSize : null;
    return {
      verdict: faultCount > 0 ? 'tampered' : reason === null ? 'intact' : 'undetermined',
      reason,
      epoch: this.#epoch,
      size: report.size,
      root: report.root,
      anchoredTo,
      unanchored: report.size - (anchoredTo ?? 0),
      headsChecked: report.headsChecked,
      payloads: report.payloads,
      lost: this.#lost,
      faults: faults.slice(0, FAULTS_MAX),
      faultCount,
    };
  }

  /** Where the records are not those that were signed, they say nothing against the tiles. */
  #faultsBeside({ faults }: ChainReport): LedgerFault[] {
    const isTreeRight = !faults.some(({ kind }) => kind === 'head_mismatch' || kind === 'hole');
    return this.#faults.filter(({ kind }) => isTreeRight || kind !== 'tile_mismatch');
  }

  #findDoubt(isAnchored: boolean): string | null {
    if (!this.#isLossAccepted) {
      const epoch = Math.max(...this.#input.laterEpochs.map((later) => later.epoch));
      return `A restore lost records that a known head covers, and nobody has accepted epoch ${epoch} here.`;
    }
    if (isAnchored) return null;
    return this.#input.trust === 'none'
      ? 'No key is known but the one that this server shows. Give a verifier key or an older head that you got another way.'
      : 'No signed head of a known key covers any of the records.';
  }

  #openKnown(note: string): Head {
    return openHead(this.#input.crypto.verify, note, this.#keysFor(note));
  }

  /** Null for a head that none of the keys signed; a wrong signature by one of them is a fault. */
  #openShown(note: string): Head | null {
    try {
      return openHead(this.#input.crypto.verify, note, this.#keysFor(note));
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      if (error.code !== 'unknown_key') this.#faults.push({ kind: 'head_signature', seq: sizeOf(note) });
      return null;
    }
  }

  /** A later epoch's heads are signed by the same key under that epoch's name. */
  #keysFor(note: string): VerifierKey[] {
    const { keys, crypto, laterEpochs } = this.#input;
    const origin = note.slice(0, note.indexOf('\n'));
    const sameLedger = keys.filter((key) => {
      const { install, ledger } = parseOrigin(key.name);
      return laterEpochs.some(({ epoch }) => formatOrigin({ install, ledger, epoch }) === origin);
    });
    return [
      ...keys.filter((key) => key.name === origin),
      ...sameLedger.map((key) => verifierKey(crypto.sha256, origin, key.publicKey)),
    ];
  }

  /** Whether a head covers records that a later restore did not keep. */
  #isLost(head: Head, known: readonly Head[]): boolean {
    const { epoch } = parseOrigin(head.origin);
    const later = this.#input.laterEpochs.filter((other) => other.epoch > epoch);
    const keptSize = Math.min(Infinity, ...later.map((other) => other.keptSize));
    if (head.size <= keptSize) return false;
    if (known.includes(head) && this.#input.acceptedEpoch < Math.max(...later.map((other) => other.epoch))) {
      this.#isLossAccepted = false;
    }
    const earlier = this.#lost.find((lost) => lost.epoch === epoch);
    if (earlier) earlier.to = Math.max(earlier.to, head.size - 1);
    else this.#lost.push({ epoch, from: keptSize, to: head.size - 1 });
    return true;
  }

  #epochAt({ envelope, payload }: Pick<SealedRecord, 'envelope' | 'payload'>): number {
    const text = typeof envelope === 'string' ? envelope : fromUtf8(envelope);
    if (!text.includes('"type":"ledger.restored"') || payload === null) return this.#epoch;
    const { epoch } = JSON.parse(typeof payload === 'string' ? payload : fromUtf8(payload)) as { epoch: number };
    return epoch;
  }
}

/** A head that the records match although they do not match an earlier one: the keeper signed two histories. */
function asFork(fault: ChainFault, { isForked }: ChainReport): LedgerFault {
  return fault.kind === 'head_mismatch' && isForked ? { kind: 'fork', between: fault.between } : fault;
}

function sizeOf(note: string): number {
  try {
    return parseHead(note.slice(0, note.indexOf('\n\n') + 1)).size;
  } catch {
    return 0; // not even a head: there is no size to name
  }
}
