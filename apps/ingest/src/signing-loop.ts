import { BrokenLedgerError, type HeadSigner, type StoredHead } from '@runseal/ledger';
import type { Leader } from './leader.js';

export interface SigningLoopOptions {
  readonly signer: HeadSigner;
  readonly leader: Leader;
  /** Whether the ledger was opened on its outside anchor: before that a head would vouch for a database that nothing is known of. */
  readonly isOpen: () => boolean;
  readonly onHead: (head: StoredHead) => void;
  /** Told once a kind of trouble; null when it is over. */
  readonly onTrouble: (error: Error | null) => void;
  readonly interval_ms?: number;
  /** While the ledger grows without a pause, a head is published at least this often. */
  readonly growing_ms?: number;
}

/**
 * Publishes heads while this process leads: as soon as the ledger comes to rest, and every 10 s while it keeps growing.
 * Trouble with the store or the database is reported and tried again; a ledger that contradicts what was signed stops signing
 * until a person opens a new epoch.
 */
export class SigningLoop {
  private timer: NodeJS.Timeout | null = null;
  private turn: Promise<void> = Promise.resolve();
  private isStopped = false;
  private sizeSeen = 0;
  private lastHead_ms = 0;
  private trouble: string | null = null;
  /** The epoch whose records are not what was signed. */
  private brokenEpoch: number | null = null;

  constructor(private readonly options: SigningLoopOptions) {}

  start(): void {
    this.timer = setTimeout(() => {
      this.turn = this.takeTurn().finally(() => {
        if (!this.isStopped) this.start();
      });
    }, this.options.interval_ms ?? 500);
  }

  /** Waits for the turn under way and gives up the lead. */
  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.turn;
    await this.options.leader.resign();
  }

  private async takeTurn(): Promise<void> {
    const { signer, leader, isOpen, onHead, growing_ms = 10_000 } = this.options;
    try {
      if (!isOpen() || !(await leader.tryLead())) return;
      if (this.brokenEpoch !== null && (await signer.readEpoch()) <= this.brokenEpoch) return;
      this.brokenEpoch = null;
      const progress = await signer.follow();
      if (!progress) return;
      const isAtRest = progress.size === this.sizeSeen;
      this.sizeSeen = progress.size;
      const isDue = isAtRest || Date.now() - this.lastHead_ms >= growing_ms;
      if (progress.size === progress.headSize || !isDue) return;
      const head = await signer.signNewest();
      this.lastHead_ms = Date.now();
      if (head) onHead(head);
      this.report(null);
    } catch (error) {
      this.report(error as Error);
      // The ledger is not what was signed: no retry can make it so, and another head would cover it up.
      if (error instanceof BrokenLedgerError) this.brokenEpoch = await signer.readEpoch().catch(() => null);
    }
  }

  private report(error: Error | null): void {
    const words = error && `${error.name}: ${error.message}`;
    if (words === this.trouble) return;
    this.trouble = words;
    this.options.onTrouble(error);
  }
}
