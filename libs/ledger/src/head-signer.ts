import {
  equalBytes,
  formatOrigin,
  formatVerifierKey,
  Frontier,
  GENESIS_HASH,
  leafBytes,
  openHead,
  recordHash,
  signHead,
  TileBuilder,
  toHex,
  verifierKey,
  verifyInclusion,
  type Head,
  type NoteSigner,
  type VerifierKey,
} from '@runseal/chain';
import { ed25519PublicKey, ed25519Sign, ed25519Verify, sha256 } from '@runseal/chain/node';
import type { Pool } from '@runseal/postgres';
import {
  findNewestEpoch,
  findNewestHead,
  keepAnchor,
  publishHead,
  readHead,
  type HeadStore,
  type StoredHead,
} from './head-store.js';
import { readHeaders, readLedgerState, type LedgerState, type RecordHeader } from './read-records.js';
import { readInclusionProof, readRightEdge, type TileStore } from './tile-store.js';

/** Thrown when the database does not hold what was hashed or signed before: nothing more is signed, a person must look. */
export class BrokenLedgerError extends Error {
  override readonly name = 'BrokenLedgerError';

  constructor(
    message: string,
    readonly seq: number,
  ) {
    super(message);
  }
}

export interface SigningIdentity {
  readonly install: string;
  readonly ledger: string;
  /** The 32-byte Ed25519 seed. It never goes near the database. */
  readonly privateKey: Uint8Array;
}

/** The key by which an epoch's heads are signed: the same Ed25519 key, named by the epoch's origin. */
export function noteSigner(identity: SigningIdentity, epoch: number): NoteSigner {
  const key = epochKey(identity, ed25519PublicKey(identity.privateKey), epoch);
  return { key, sign: (message) => ed25519Sign(identity.privateKey, message) };
}

/** The verifier key line of an epoch, to be passed on to whoever verifies. */
export function verifierKeyText(identity: SigningIdentity, epoch: number): string {
  return formatVerifierKey(noteSigner(identity, epoch).key);
}

function epochKey(
  { install, ledger }: Omit<SigningIdentity, 'privateKey'>,
  publicKey: Uint8Array,
  epoch: number,
): VerifierKey {
  return verifierKey(sha256, formatOrigin({ install, ledger, epoch }), publicKey);
}

export interface HeadSignerOptions {
  readonly pool: Pool;
  readonly store: HeadStore;
  readonly tiles: TileStore;
  readonly identity: SigningIdentity;
}

interface Progress {
  readonly epoch: number;
  /** The newest head of the epoch; null before its head 0. */
  head: StoredHead | null;
  headSize: number;
  readonly frontier: Frontier;
  readonly builder: TileBuilder;
  newestHash: Uint8Array;
}

/**
 * Follows a ledger and signs heads over it. The leaves are hashed here from envelopes and digests, because a root made of the
 * database's own hashes would sign whatever an administrator wrote there. Dying anywhere loses nothing: the next signer goes
 * on from the newest published head.
 */
export class HeadSigner {
  private progress: Progress | null = null;

  constructor(private readonly options: HeadSignerOptions) {}

  /** Size of the newest published head. */
  get headSize(): number {
    return this.progress?.headSize ?? 0;
  }

  /**
   * Hashes what was sealed since and publishes a head over it. Returns the head, or null where there is nothing new or where
   * another signer took the number (then the next call goes on from that one's head). Throws BrokenLedgerError.
   */
  async signNewest(): Promise<StoredHead | null> {
    const progress = await this.follow();
    if (!progress || progress.frontier.size === progress.headSize) return null;
    const { store, tiles, identity } = this.options;
    await tiles.write(progress.builder.take());
    const head: Head = {
      origin: formatOrigin({ ...identity, epoch: progress.epoch }),
      size: progress.frontier.size,
      root: progress.frontier.root(),
    };
    const stored: StoredHead = {
      epoch: progress.epoch,
      number: progress.head ? progress.head.number + 1 : 0,
      note: signHead(head, [noteSigner(identity, progress.epoch)]),
    };
    await keepAnchor(store, stored, { epoch: progress.epoch, seq: head.size - 1, hash: toHex(progress.newestHash) });
    if (!(await publishHead(store, stored))) {
      this.progress = null; // another signer took the number: go on from its head
      return null;
    }
    progress.head = stored;
    progress.headSize = head.size;
    return stored;
  }

  /** The ledger's epoch as the database says it; -1 where there is no such ledger. */
  async readEpoch(): Promise<number> {
    return (await readLedgerState(this.options.pool, this.options.identity.ledger))?.epoch ?? -1;
  }

  /**
   * Makes all tiles under the newest published head anew, because some are missing or wrong. Throws BrokenLedgerError where the
   * records no longer have its root. What another signer writes meanwhile may be lost: tiles are a cache.
   */
  async rebuildTiles(): Promise<void> {
    const epoch = await findNewestEpoch(this.options.store);
    const newest = epoch === null ? null : await findNewestHead(this.options.store, epoch);
    if (newest) await this.hashAgain(newest, this.open(newest));
  }

  /** Reads and hashes what was sealed since the last call; returns how far it has come, null for a ledger without records. */
  async follow(): Promise<({ size: number; headSize: number } & Progress) | null> {
    const state = await this.readState();
    const progress = this.progress;
    if (!state || !progress) return null;
    if (state.size < progress.frontier.size) {
      throw new BrokenLedgerError(
        `The database says ${state.size} records, ${progress.frontier.size} were hashed before: the tail is missing.`,
        state.size,
      );
    }
    await this.extend(progress, state.size);
    return Object.assign(progress, { size: progress.frontier.size });
  }

  /** The state of the ledger as it is now, read after `progress` was taken up: a head may cover what another look did not show yet. */
  private async readState(): Promise<LedgerState | null> {
    for (;;) {
      const state = await readLedgerState(this.options.pool, this.options.identity.ledger);
      if (!state || state.size === 0) return null;
      if (this.progress?.epoch === state.epoch) return state;
      this.progress = await this.load(state.epoch);
    }
  }

  private async extend(progress: Progress, size: number): Promise<void> {
    while (progress.frontier.size < size) {
      const from = progress.frontier.size;
      const page = await readHeaders(this.options.pool, this.options.identity.ledger, from, size);
      if (page.length === 0) throw new BrokenLedgerError(`Record ${from} is missing.`, from);
      for (const record of page) append(progress, record);
      // Full tiles are set down as they come, so that a rebuild of a large ledger does not gather them in memory.
      if (size - from > 10_000) await this.options.tiles.write(progress.builder.take());
    }
  }

  /** Takes up from the newest published head: from the tiles if they lead to its root, else by hashing every record again. */
  private async load(epoch: number): Promise<Progress> {
    const newest = await findNewestHead(this.options.store, epoch);
    const base = newest ?? (await this.findHeadBelow(epoch));
    const head = base && this.open(base);
    // A new epoch begins without the cache: wider tiles of the one before may be left in it.
    const resumed = newest && head && (await this.resumeFromTiles(epoch, head));
    const loaded = resumed ?? (head ? await this.hashAgain(base, head) : emptyProgress(epoch));
    return Object.assign(loaded, { epoch, head: newest, headSize: newest && head ? head.size : 0 });
  }

  /** Hashes every record under a head and sets all its tiles down anew. */
  private async hashAgain(stored: StoredHead, head: Head): Promise<Progress> {
    const { tiles, identity } = this.options;
    const progress = emptyProgress(stored.epoch);
    await tiles.clear();
    await this.extend(progress, head.size);
    if (!equalBytes(progress.frontier.root(), head.root)) {
      throw new BrokenLedgerError(
        `The first ${head.size} records do not have the root that head ${stored.number} of epoch ${stored.epoch} of ` +
          `${identity.install}/${identity.ledger} was signed with.`,
        head.size,
      );
    }
    await tiles.write(progress.builder.take());
    return progress;
  }

  /** The newest head of an older epoch that covers only records which the restore kept: the one that the new epoch extends. */
  private async findHeadBelow(epoch: number): Promise<StoredHead | null> {
    const { pool, store, identity } = this.options;
    if (epoch === 0) return null;
    const restored = await pool.query<{ seq: number }>(
      `select min(s.seq) as seq from ledger.sealed_records s
       where s.ledger = $1 and s.stream = $2 and s.type = 'ledger.restored' and s.epoch = $3`,
      [identity.ledger, `ledger/${identity.ledger}`, epoch],
    );
    const keptSize = restored.rows[0]?.seq ?? 0;
    for (let older = epoch - 1; older >= 0; older--) {
      for (let number = (await findNewestHead(store, older))?.number ?? -1; number >= 0; number--) {
        const head = await readHead(store, older, number);
        if (head && this.open(head).size <= keptSize) return head;
      }
    }
    return null;
  }

  private open(head: StoredHead): Head {
    return openHead(ed25519Verify, head.note, [noteSigner(this.options.identity, head.epoch).key]);
  }

  private async resumeFromTiles(epoch: number, head: Head): Promise<Progress | null> {
    const { pool, tiles, identity } = this.options;
    const edge = await readRightEdge(tiles, head.size);
    if (!edge || !equalBytes(edge.frontier.root(), head.root)) return null;
    const [record] = await readHeaders(pool, identity.ledger, head.size - 1, head.size);
    const path = await readInclusionProof(tiles, head.size - 1, head.size);
    if (!record || !path) return null;
    const newestHash = hashOf(record);
    try {
      verifyInclusion(sha256, { leafHash: newestHash, index: head.size - 1, size: head.size, root: head.root, path });
    } catch {
      return null; // the tiles are wrong somewhere: hashing the records again finds out whether the records are
    }
    return { ...emptyProgress(epoch), ...edge, newestHash };
  }
}

function emptyProgress(epoch: number): Progress {
  return {
    epoch,
    head: null,
    headSize: 0,
    frontier: new Frontier(sha256),
    builder: new TileBuilder(sha256),
    newestHash: GENESIS_HASH,
  };
}

function append(progress: Progress, record: RecordHeader): void {
  const { seq } = record;
  const hash = hashOf(record);
  if (seq !== progress.frontier.size) {
    throw new BrokenLedgerError(`Record ${progress.frontier.size} is missing: found ${seq}.`, progress.frontier.size);
  }
  if (!equalBytes(record.prev_hash, progress.newestHash)) {
    throw new BrokenLedgerError(`Record ${seq} does not follow the record before it.`, seq);
  }
  if (!equalBytes(record.hash, hash)) throw new BrokenLedgerError(`Record ${seq} does not have its hash.`, seq);
  progress.frontier.append(hash);
  progress.builder.append(hash);
  progress.newestHash = hash;
}

function hashOf(record: RecordHeader): Uint8Array {
  return recordHash(
    sha256,
    leafBytes({
      seq: record.seq,
      streamPrev: record.stream_prev,
      prevHash: record.prev_hash,
      payloadDigest: record.payload_digest,
      envelope: record.envelope,
    }),
  );
}
