import { Refusal } from '@runseal/contracts';
import { isUnavailable, type Pool } from '@runseal/postgres';
import { findNewestAnchor, type HeadStore } from './head-store.js';
import type { Anchor, Receipt, SealRequest } from './seal-batch.js';
import { Sealer } from './sealer.js';

export interface SealingDoorOptions {
  /** Connected as the role that seals. */
  readonly pool: Pool;
  readonly ledger: string;
  /** The outside store, whose newest head is followed. */
  readonly store: HeadStore;
  /** Finds the record to seal on; by default the newest under the newest outside head, refused `not_open` while there is none. */
  readonly open?: () => Promise<Anchor>;
  /** Told once when the door cannot be opened, and why; null when it opens. */
  readonly onState: (trouble: Error | null) => void;
  readonly retry_ms?: number;
}

/**
 * Lets requests through to the sealer once an outside anchor is known. Until then, and while the store of heads or the database
 * cannot be reached, every request is refused with the reason, and opening is tried again by itself.
 */
export class SealingDoor {
  private sealer: Sealer | null = null;
  private trouble: Error | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;

  constructor(private readonly options: SealingDoorOptions) {}

  get isOpen(): boolean {
    return this.sealer !== null;
  }

  /** The newest record that this process knows to be in the ledger; null while the door is not open. */
  get anchor(): Anchor | null {
    return this.sealer?.anchor ?? null;
  }

  get queueLength(): number {
    return this.sealer?.queueLength ?? 0;
  }

  /** Tries to open now, and again every few seconds until it is open. Never rejects. */
  async open(): Promise<void> {
    const { open = () => requireNewestAnchor(this.options.store) } = this.options;
    try {
      this.admit(await open());
    } catch (error) {
      this.report(error as Error);
      this.wait(() => this.open());
    }
  }

  close(): void {
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
  }

  /** As `Sealer.seal`; refused with the reason while the door is not open. */
  seal(request: SealRequest): Promise<readonly Receipt[]> {
    return this.sealer ? this.sealer.seal(request) : Promise.reject(this.refusal());
  }

  /** Seals on this record from now on. */
  protected admit({ epoch, seq, hash }: Anchor): void {
    this.sealer = new Sealer({ pool: this.options.pool, ledger: this.options.ledger, anchor: { epoch, seq, hash } });
    this.report(null);
    this.wait(() => this.follow());
  }

  /**
   * Learns every few seconds of the newest published head, whoever sealed and signed. So a database that was set back is refused
   * by a process too that sealed nothing lately, and a new epoch is followed by all of them.
   */
  private async follow(): Promise<void> {
    try {
      const newest = await findNewestAnchor(this.options.store);
      if (newest) this.sealer?.learn(newest);
    } catch {
      // The store is away for now. What this process knows by itself still holds, and the signer reports the store.
    }
    this.wait(() => this.follow());
  }

  private wait(then: () => Promise<void>): void {
    if (this.timer) clearTimeout(this.timer);
    if (this.isClosed) return;
    this.timer = setTimeout(() => void then(), this.options.retry_ms ?? 2_000);
    this.timer.unref();
  }

  private report(trouble: Error | null): void {
    if (trouble?.message === this.trouble?.message) return;
    this.trouble = trouble;
    this.options.onState(trouble);
  }

  private refusal(): Error {
    const { trouble } = this;
    if (trouble instanceof Refusal || isUnavailable(trouble)) return trouble as Error;
    return new Refusal(
      'not_open',
      `The ledger is not open yet${trouble ? `: ${trouble.message}` : ''}. Try again soon.`,
    );
  }
}

async function requireNewestAnchor(store: HeadStore): Promise<Anchor> {
  const anchor = await findNewestAnchor(store);
  if (anchor) return anchor;
  throw new Refusal(
    'not_open',
    'The ledger has no signed head yet: ingest opens it at its first start. Try again soon.',
  );
}
