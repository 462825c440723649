import type { Sender, Stop } from './sender.js';
import type { Teller } from './say.js';

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MAX_MS = 60_000;
/** While somebody waits for the delivery, the pauses are shorter. */
const BACKOFF_DRAIN_MS = 5000;

/** Full jitter: anything from 0 to the doubled, limited pause, so that a thousand clients do not come back at once. */
export function backoff(failures: number, max_ms = BACKOFF_MAX_MS, random = Math.random()): number {
  return random * Math.min(max_ms, BACKOFF_FIRST_MS * 2 ** Math.min(failures - 1, 20));
}

/**
 * The background loop of one run: sends when there is something, waits when the door says so. Its timers never keep the
 * process alive; a request under way does, until its answer or its timeout.
 */
export class Courier {
  private failures = 0;
  private drainers = 0;
  private wake: (() => void) | null = null;
  private hasNews = false;
  private idle = new Set<() => void>();
  private isPaused = false;
  /** The server named a time (Retry-After): nobody cuts that short. */
  private mustWait = false;

  constructor(
    private readonly sender: Sender,
    private readonly teller: Teller,
  ) {}

  start(): void {
    void this.loop();
  }

  /** There is something new to send; it does not cut a pause short. */
  notify(): void {
    this.hasNews = true;
    if (!this.isPaused) this.wake?.();
  }

  /** Resolves when everything is delivered, when only a person can help, or after `limit_ms`. Never rejects. */
  async drain(limit_ms: number): Promise<void> {
    this.drainers += 1;
    this.hasNews = true;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, limit_ms)));
    const idle = new Promise<void>((resolve) => this.idle.add(resolve));
    if (!this.mustWait) this.wake?.();
    await Promise.race([idle, deadline]);
    clearTimeout(timer);
    this.drainers -= 1;
  }

  private async loop(): Promise<never> {
    for (;;) {
      this.hasNews = false;
      const stop = await this.attempt();
      if (stop.kind !== 'retry') this.failures = 0;
      if (this.hasNews && stop.kind === 'empty') continue;
      if (stop.kind !== 'retry') this.tellIdle();
      await this.pause(stop);
    }
  }

  private async attempt(): Promise<Stop> {
    try {
      return await this.sender.sendAll();
    } catch (error) {
      this.teller.once('spool read', `the spool cannot be read: ${(error as Error).message}`);
      return { kind: 'retry', after_ms: 0 };
    }
  }

  private tellIdle(): void {
    const waiting = [...this.idle];
    this.idle.clear();
    for (const resolve of waiting) resolve();
  }

  private async pause(stop: Stop): Promise<void> {
    if (stop.kind === 'empty') return this.sleep(null);
    this.isPaused = true;
    if (stop.kind === 'hold') {
      await this.sleep(BACKOFF_MAX_MS * (0.5 + Math.random() / 2));
    } else {
      this.failures += 1;
      this.mustWait = stop.after_ms > 0;
      const max_ms = this.drainers > 0 ? BACKOFF_DRAIN_MS : BACKOFF_MAX_MS;
      await this.sleep(Math.max(stop.after_ms, backoff(this.failures, max_ms)));
    }
    this.isPaused = false;
    this.mustWait = false;
  }

  private async sleep(limit_ms: number | null): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      if (limit_ms !== null) setTimeout(resolve, limit_ms).unref();
    });
    this.wake = null;
  }
}
