import type { HeadSigner } from '@runseal/ledger';

/**
 * Makes the cached tiles anew where they turn out to be missing or wrong: once at a time, and not again within a minute, since
 * it hashes every record of the ledger.
 */
export class TileRepair {
  private last: Promise<void> | null = null;
  private started_ms = -Infinity;

  constructor(
    private readonly signer: Pick<HeadSigner, 'rebuildTiles'>,
    private readonly pause_ms = 60_000,
  ) {}

  /** Resolves when the tiles are made; rejects where the records are not what was signed. Within the pause, as the last time. */
  repair(): Promise<void> {
    if (!this.last || performance.now() - this.started_ms >= this.pause_ms) {
      this.started_ms = performance.now();
      this.last = this.signer.rebuildTiles();
    }
    return this.last;
  }
}
