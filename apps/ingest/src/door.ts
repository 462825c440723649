import { Refusal } from '@runseal/contracts';
import {
  findNewestAnchor,
  openEpoch,
  openLedger,
  Sealer,
  type Anchor,
  type NewEpoch,
  type OpenLedgerOptions,
  type Receipt,
  type SealRequest,
} from '@runseal/ledger';
import { isUnavailable, type Pool } from '@runseal/postgres';

export interface DoorOptions {
  readonly opening: OpenLedgerOptions;
  /** Connected as the ingest role. */
  readonly pool: Pool;
  readonly ledger: string;
  /** Told once when the door cannot be opened, and why; null when it opens. */
  readonly onState: (trouble: Error | null) => void;
  readonly retry_ms?: number;
}

/**
 * Lets requests through to the sealer once the ledger is opened on its outside anchor. Until then, and while the store of heads
 * or the database cannot be reached, every request is refused with the reason, and opening is tried again by itself.
 */
export class Door {
  private sealer: Sealer | null = null;
  private trouble: Error | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;

  constructor(private readonly options: DoorOptions) {}

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

  /** Tries to open the ledger now, and again every few seconds until it is open. */
  async open(): Promise<void> {
    try {
      this.admit(await openLedger(this.options.opening));
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

  /** Opens a new epoch on a database that was set back, and goes on sealing in it. Only on a person's command. */
  async openEpoch(epoch: NewEpoch): Promise<Receipt> {
    const receipt = await openEpoch(this.options.opening, epoch);
    this.admit(receipt);
    return receipt;
  }

  /**
   * Learns every few seconds of the newest published head, whichever replica sealed and signed. So a database that was set back
   * is refused by a replica too that sealed nothing lately, and a new epoch is followed by all of them.
   */
  private async follow(): Promise<void> {
    try {
      const newest = await findNewestAnchor(this.options.opening.store);
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

  private admit({ epoch, seq, hash }: Anchor): void {
    this.sealer = new Sealer({ pool: this.options.pool, ledger: this.options.ledger, anchor: { epoch, seq, hash } });
    this.report(null);
    this.wait(() => this.follow());
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
