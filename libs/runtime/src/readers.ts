import { Gauge } from 'prom-client';
import type { ServiceMetrics } from './metrics.js';
import type { Readiness } from './readiness.js';

/** A record's place: `Runseal-Position` shows it as `<epoch>/<seq>`. */
export interface PositionSeen {
  readonly epoch: number;
  readonly seq: number;
}

/** How far a reader of the ledger is. */
export interface ReaderReport {
  readonly position: PositionSeen | null;
  /** Sealed records that it has not applied. */
  readonly lag_records: number;
  /** Since when the oldest of them is sealed; 0 where there is none, null where that cannot be told. */
  readonly lag_s: number | null;
  /** Where it stopped for good, and why. */
  readonly stopped: { readonly seq: number; readonly reason: string } | null;
  /** Why it does not get on at the moment, though it keeps trying. */
  readonly trouble: string | null;
}

/** What a service tells of its projection. */
export interface Reader {
  /** What routes name in `@Scope(..., { reader })`. */
  readonly name: string;
  /** The committed position. Cheap: it is read for every request. */
  findPosition(): Promise<PositionSeen | null>;
  find(): Promise<ReaderReport>;
  /** True once the position is at or beyond `seq`, false after `limit_ms`. */
  waitFor(seq: number, limit_ms: number): Promise<boolean>;
}

/** The ledger that this process serves. */
export interface ServedLedger {
  readonly name: string;
  findNewest(): Promise<PositionSeen | null>;
}

const REPORT_KEPT_MS = 1_000;

/**
 * The readers of this process. Inject it and add yours before the service listens: it then shows in `GET /v1/status`, in metrics
 * and in readiness (not ready while it is stopped, or before it first reached what was newest at its start), and routes that
 * name it wait for `?min_position=` and tell their position.
 */
export class Readers {
  private readonly byName = new Map<string, Reader>();
  private readonly reports = new Map<string, Promise<ReaderReport>>();
  private served: ServedLedger | null = null;

  constructor(
    private readonly readiness: Readiness,
    metrics: ServiceMetrics,
  ) {
    this.gauge(
      metrics,
      'runseal_reader_position',
      'Seq of the newest applied record',
      ({ position }) => position?.seq ?? -1,
    );
    this.gauge(
      metrics,
      'runseal_reader_lag_records',
      'Sealed records not applied yet',
      ({ lag_records }) => lag_records,
    );
    this.gauge(metrics, 'runseal_reader_lag_seconds', 'Age of the oldest record not applied yet', ({ lag_s }) => lag_s);
    this.gauge(metrics, 'runseal_reader_stopped', '1 where a reader stopped for good', ({ stopped }) =>
      stopped ? 1 : 0,
    );
  }

  get all(): readonly Reader[] {
    return [...this.byName.values()];
  }

  /** Null where no app of this process said which one it serves. */
  get ledger(): ServedLedger | null {
    return this.served;
  }

  get(name: string): Reader | undefined {
    return this.byName.get(name);
  }

  /** Called by every app of the process; they must agree. */
  serveLedger(ledger: ServedLedger): void {
    if (this.served && this.served.name !== ledger.name) {
      throw new Error(`One process serves one ledger: found "${this.served.name}" and "${ledger.name}".`);
    }
    this.served ??= ledger;
  }

  add(reader: Reader): void {
    const { name } = reader;
    if (this.byName.has(name)) throw new Error(`There is a reader named "${name}" already.`);
    this.byName.set(name, reader);
    let goal: number | null = null;
    let hasCaughtUp = false;
    this.readiness.addCheck(`reader ${name}`, async () => {
      const { position, lag_records, stopped, trouble } = await reader.find();
      if (stopped) throw new Error(`stopped at record ${stopped.seq}: ${stopped.reason}`);
      const seq = position?.seq ?? -1;
      // Fixed at the first look, so that a ledger that grows all the time keeps nobody from being ready.
      goal ??= seq + lag_records;
      hasCaughtUp ||= seq >= goal || lag_records === 0;
      if (!hasCaughtUp) throw new Error(`at record ${seq}, wanted ${goal}${trouble ? `; ${trouble}` : ''}`);
    });
  }

  private gauge(
    metrics: ServiceMetrics,
    name: string,
    help: string,
    valueOf: (report: ReaderReport) => number | null,
  ): void {
    const readers = this as Readers;
    new Gauge({
      name,
      help,
      labelNames: ['reader'],
      registers: [metrics.registry],
      async collect() {
        this.reset();
        for (const { name: reader } of readers.all) {
          const value = await readers.report(reader).then(valueOf, () => null);
          if (value !== null) this.set({ reader }, value);
        }
      },
    });
  }

  /** One look serves all gauges of a scrape. */
  private report(name: string): Promise<ReaderReport> {
    const known = this.reports.get(name) ?? (this.byName.get(name) as Reader).find();
    if (!this.reports.has(name)) {
      this.reports.set(name, known);
      setTimeout(() => this.reports.delete(name), REPORT_KEPT_MS).unref();
    }
    return known;
  }
}
