import { openDirectConnection, type DirectConnection, type Pool } from '@runseal/postgres';

const CHANNEL = 'runseal_sealed';
const RECONNECT_MS = 500;
const NOTIFY_EVERY_MS = 20;

/**
 * Tells readers that a ledger has grown, at most once every 20 ms and never inside seal, where it would serialise the commits of
 * all ledgers. Only a hint: one that is lost costs a reader its polling interval, so nothing is waited for or reported.
 */
export class SealedNotifier {
  private timer: NodeJS.Timeout | null = null;
  private last_ms = -Infinity;

  constructor(
    private readonly pool: Pool,
    private readonly ledger: string,
  ) {}

  notify(): void {
    if (this.timer) return;
    const wait_ms = Math.max(0, this.last_ms + NOTIFY_EVERY_MS - performance.now());
    this.timer = setTimeout(() => {
      this.timer = null;
      this.last_ms = performance.now();
      // Not durable, so that the hint waits for no disk and no replica.
      const text = `select set_config('synchronous_commit', 'off', true), pg_notify('${CHANNEL}', $1)`;
      this.pool.query({ name: 'notify-sealed', text, values: [this.ledger] }).catch(() => undefined);
    }, wait_ms);
    this.timer.unref();
  }
}

/**
 * Wakes those who wait for a ledger to grow. One connection listens for all of them while there are any; lost, it is made anew,
 * and everybody is woken then, for what was missed meanwhile. `url` must lead to Postgres itself, past any pooler.
 */
export class SealedHints {
  private readonly waiting = new Map<symbol, { readonly ledger: string; readonly wake: () => void }>();
  private connection: DirectConnection | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isConnecting = false;

  constructor(private readonly url: string) {}

  /** Calls `wake` at every hint for the ledger until the returned function is called. */
  listen(ledger: string, wake: () => void): () => void {
    const key = Symbol(ledger);
    this.waiting.set(key, { ledger, wake });
    void this.connect();
    return () => {
      this.waiting.delete(key);
      if (this.waiting.size === 0) this.close();
    };
  }

  private async connect(): Promise<void> {
    if (this.connection || this.isConnecting || this.waiting.size === 0) return;
    this.isConnecting = true;
    let opened: DirectConnection | null = null;
    try {
      const connection = (opened = await openDirectConnection(this.url, 'runseal-feed'));
      connection.on('notification', ({ payload }) => this.wake(payload));
      connection.on('end', () => {
        if (this.connection === connection) this.reconnect();
      });
      await connection.query(`listen ${CHANNEL}`);
      this.connection = connection;
    } catch {
      // Postgres is away or restarts. Polling finds the same and reports it.
      opened?.end().catch(() => undefined);
    }
    this.isConnecting = false;
    if (!this.connection) this.reconnect();
    else if (this.waiting.size === 0) this.close();
    else this.wake();
  }

  private reconnect(): void {
    this.connection = null;
    if (this.timer || this.waiting.size === 0) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.connect();
    }, RECONNECT_MS);
    this.timer.unref();
  }

  private close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const { connection } = this;
    this.connection = null;
    connection?.end().catch(() => undefined);
  }

  private wake(ledger?: string): void {
    for (const waiting of this.waiting.values()) if (ledger === undefined || ledger === waiting.ledger) waiting.wake();
  }
}
