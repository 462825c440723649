import type { ServiceLog } from './logging.js';

const CHECK_LIMIT_MS = 3_000;
/** Probes come without a key: more often than this they get the last answer instead of costing another look. */
const ANSWER_KEPT_MS = 1_000;

export interface ReadinessReport {
  readonly isReady: boolean;
  readonly checks: Readonly<Record<string, 'up' | 'down'>>;
}

/**
 * Knows whether this service should get traffic. Inject it to add a check (resolves: up, rejects: down, 3 s at most) or to
 * end long answers when `draining` is aborted. Reasons go to the log, once a change; a probe learns only up or down.
 */
export class Readiness {
  private readonly checks = new Map<string, () => Promise<unknown>>();
  private readonly drain = new AbortController();
  private readonly lastState = new Map<string, 'up' | 'down'>();
  private report: Promise<ReadinessReport> | null = null;

  constructor(private readonly log: ServiceLog) {}

  /** Aborted when the service starts to drain. */
  get draining(): AbortSignal {
    return this.drain.signal;
  }

  addCheck(name: string, check: () => Promise<unknown>): void {
    if (this.checks.has(name)) throw new Error(`There is a readiness check named "${name}" already.`);
    this.checks.set(name, check);
    this.report = null;
  }

  startDraining(): void {
    this.drain.abort();
  }

  async check(): Promise<ReadinessReport> {
    if (this.draining.aborted) return { isReady: false, checks: { draining: 'down' } };
    if (!this.report) {
      this.report = this.runChecks();
      setTimeout(() => (this.report = null), ANSWER_KEPT_MS).unref();
    }
    return this.report;
  }

  private async runChecks(): Promise<ReadinessReport> {
    const states = await Promise.all(
      [...this.checks].map(async ([name, check]) => {
        const reason = await outcomeOf(check);
        const state = reason === null ? 'up' : 'down';
        if (state !== (this.lastState.get(name) ?? 'up')) this.logChange(name, reason);
        this.lastState.set(name, state);
        return [name, state] as const;
      }),
    );
    return { isReady: states.every(([, state]) => state === 'up'), checks: Object.fromEntries(states) };
  }

  private logChange(name: string, reason: unknown): void {
    if (reason === null) this.log.info({ check: name }, 'readiness check is up again');
    else this.log.warn({ check: name, err: reason }, 'readiness check is down');
  }
}

/** Null where the check resolved in time, else why not. */
async function outcomeOf(check: () => Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_LIMIT_MS} ms`)), CHECK_LIMIT_MS);
  });
  try {
    await Promise.race([check(), tooLate]);
    return null;
  } catch (reason) {
    return reason ?? new Error('rejected without a reason');
  } finally {
    clearTimeout(timer);
  }
}
