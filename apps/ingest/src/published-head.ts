import { openHead, type Head } from '@runseal/chain';
import { ed25519Verify } from '@runseal/chain/node';
import {
  findNewestEpoch,
  findNewestHead,
  noteSigner,
  readHead,
  type HeadStore,
  type SigningIdentity,
  type StoredHead,
} from '@runseal/ledger';

/**
 * The newest head in the outside store, whichever replica signed it. Only what is published there is ever shown. The store is
 * asked at most every half second, and then only for the numbers after the one that is known.
 */
export class PublishedHead {
  private known: { stored: StoredHead; head: Head } | null = null;
  private asked_ms = -Infinity;

  constructor(
    private readonly store: HeadStore,
    private readonly identity: SigningIdentity,
    private readonly kept_ms = 500,
  ) {}

  /** Null before head 0. Rejects where the store cannot be read. */
  async find(): Promise<{ stored: StoredHead; head: Head } | null> {
    if (performance.now() - this.asked_ms < this.kept_ms) return this.known;
    let stored = this.known?.stored ?? (await this.findFirst());
    for (;;) {
      const next: StoredHead | null = stored && (await this.findNext(stored));
      if (!next) break;
      stored = next;
    }
    if (stored && stored !== this.known?.stored) this.known = { stored, head: this.open(stored) };
    this.asked_ms = performance.now();
    return this.known;
  }

  private async findFirst(): Promise<StoredHead | null> {
    const epoch = await findNewestEpoch(this.store);
    return epoch === null ? null : findNewestHead(this.store, epoch);
  }

  private async findNext({ epoch, number }: StoredHead): Promise<StoredHead | null> {
    return (await readHead(this.store, epoch, number + 1)) ?? (await readHead(this.store, epoch + 1, 0));
  }

  private open(stored: StoredHead): Head {
    return openHead(ed25519Verify, stored.note, [noteSigner(this.identity, stored.epoch).key]);
  }
}
