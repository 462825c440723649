import type { Door } from './door.js';
import { postJson } from './door.js';
import type { Teller } from './say.js';

const FIRST_MS = 500;
/** Until the server tells its lease. */
const LEASE_MS = 30_000;
/** Until a run that was just started is known. */
const UNKNOWN_MS = 2_000;
const BEAT_MAX_MS = 60_000;
const TIMEOUT_MS = 5_000;

export interface HeartbeatParts {
  door: Door;
  run: string;
  attempt: string;
  teller: Teller;
  /** Called once when the server asks for an end. */
  onStop: () => void;
}

/**
 * Tells the server that a run is alive, so that one whose process dies without a word is not taken for running for ever. Not an
 * event. Never throws; neither its timer nor a request under way at the end keeps the process alive.
 */
export class Heartbeat {
  private timer: NodeJS.Timeout | null = null;
  private readonly ended = new AbortController();
  private isAsked = false;

  constructor(private readonly parts: HeartbeatParts) {
    this.wait(FIRST_MS);
  }

  stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.ended.abort();
  }

  private wait(pause_ms: number): void {
    this.timer = setTimeout(() => {
      void this.beat().then((next_ms) => {
        if (next_ms !== null && !this.ended.signal.aborted) this.wait(next_ms);
      });
    }, pause_ms).unref();
  }

  /** Milliseconds until the next one; null: there is no sense in another. */
  private async beat(): Promise<number | null> {
    const { door, run, attempt } = this.parts;
    const { status, body } = await postJson(
      { ...door, timeout_ms: TIMEOUT_MS },
      { path: `/v1/runs/${run}/heartbeat`, body: { attempt, phase: 'train' }, signal: this.ended.signal },
    );
    // What is sealed is known a moment later; without that code it is an older server.
    if (status === 404) return body['code'] === 'run_unknown' ? UNKNOWN_MS : null;
    if (status !== 200) return LEASE_MS / 3;
    this.tellAlerts(body['alerts']);
    if (body['stop'] === true && !this.isAsked) {
      this.isAsked = true;
      this.parts.onStop();
    }
    const { lease_s } = body;
    return typeof lease_s === 'number' ? Math.min(Math.max((lease_s * 1000) / 3, FIRST_MS), BEAT_MAX_MS) : LEASE_MS / 3;
  }

  private tellAlerts(alerts: unknown): void {
    for (const alert of Array.isArray(alerts) ? (alerts as unknown[]) : []) {
      if (alert === null || typeof alert !== 'object') continue;
      const { id, words, explanation, message, rule } = alert as Record<string, unknown>;
      const text = String(words ?? explanation ?? message ?? rule);
      this.parts.teller.once(`alert ${String(id ?? text)}`, `alert: ${text}`);
    }
  }
}
