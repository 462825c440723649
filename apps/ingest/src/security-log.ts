import type { Refusal, RefusalCode } from '@runseal/contracts';
import type { Caller, ServiceLog, ServiceMetrics } from '@runseal/runtime';
import { Counter } from 'prom-client';

/** Refusals that may be an attack, or a loss of acknowledged records, and not just a mistake. */
const WATCHED: readonly RefusalCode[] = [
  'event_id_conflict',
  'ledger_rewound',
  'ledger_behind',
  'forbidden_stream',
  'secret_detected',
];

/** Puts down refusals that somebody has to look at, as log lines with `security: true` and as a counter by code. */
export class SecurityLog {
  private readonly counter: Counter<'code'>;

  constructor(
    private readonly log: ServiceLog,
    metrics: ServiceMetrics,
  ) {
    this.counter = new Counter({
      name: 'runseal_security_refusals_total',
      help: 'Refusals that may be an attack or a loss, by code',
      labelNames: ['code'],
      registers: [metrics.registry],
    });
    for (const code of WATCHED) this.counter.inc({ code }, 0);
  }

  /** Paths and codes only: what was submitted may be a secret. */
  note(refusal: Refusal, caller: Caller): void {
    if (!WATCHED.includes(refusal.code)) return;
    this.counter.inc({ code: refusal.code });
    const places = refusal.errors.map(({ index, path }) => ({ index, path }));
    const { principal, keyId } = caller;
    this.log.warn({ security: true, code: refusal.code, principal, key_id: keyId, places }, 'submission refused');
  }
}
