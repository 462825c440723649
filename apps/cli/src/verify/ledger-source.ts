import type { Inspection, LaterEpoch, SealedRecord, Tile } from '@runseal/chain';

/** A record as it was inspected, with what tells its epoch. */
export interface Inspected {
  readonly record: Pick<SealedRecord, 'epoch' | 'seq' | 'envelope' | 'payload'>;
  readonly inspection: Inspection;
}

/** What the keeper of a ledger says of it. Nothing of this is trusted. */
export interface Claims {
  readonly ledger: string;
  /** `<install>/<ledger>`, null where nothing says so. */
  readonly log: string | null;
  /** Verifier key lines. */
  readonly keys: readonly string[];
  /** Signed notes. */
  readonly heads: readonly string[];
  readonly laterEpochs: readonly LaterEpoch[];
  /** Why something beside the records could not be had that should be there; null where all is there. */
  readonly withheld: string | null;
  /** For progress: records, or bytes of a file. */
  readonly total: number | null;
  /** Hash tiles are there up to this size of the tree; null where this source has none. */
  readonly tiledSize: number | null;
}

/** Where the records of a ledger are read from. Errors of the place are CliErrors, or the driver's own. */
export interface LedgerSource {
  readClaims(): Promise<Claims>;
  /**
   * Every record from seq 0 in the place's order, in bounded memory; `done` counts in the unit of `total`. It ends where the
   * place says that there is no more, and throws where it breaks off before.
   */
  read(): AsyncGenerator<{ records: readonly Inspected[]; done: number }>;
  /** The tiles' stored bytes in the given order, null for one that is not there; a partial tile may be shorter. */
  readTiles(tiles: readonly Tile[]): Promise<(Uint8Array | null)[]>;
  close(): Promise<void>;
}

/** What the ledger's own first record says: its log and its first key. Nulls where it is not readable. */
export function readOpening(payload: string | null): { log: string | null; key: string | null } {
  try {
    const opened = JSON.parse(payload ?? 'null') as Record<string, unknown> | null;
    const { install, ledger, verifier_key: key } = opened ?? {};
    if (typeof install === 'string' && typeof ledger === 'string') {
      return { log: `${install}/${ledger}`, key: typeof key === 'string' ? key : null };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { log: null, key: null };
}

/** The epoch that a ledger.restored opened. Its own seq is the kept size: it is the first record after the kept ones. */
export function readRestored(seq: number, payload: string | null): LaterEpoch | null {
  try {
    const { epoch } = JSON.parse(payload ?? '{}') as { epoch?: unknown };
    return Number.isSafeInteger(epoch) && (epoch as number) > 0 ? { epoch: epoch as number, keptSize: seq } : null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null; // verification names the record as changed
  }
}
