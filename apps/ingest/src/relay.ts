import { LedgerFeed, LedgerRecordSource, type StoredHead } from '@runseal/ledger';
import { KafkaPublisher, type KafkaPublisherOptions, type Reading } from '@runseal/messaging';
import { openPool, type Pool } from '@runseal/postgres';
import type { ServiceLog } from '@runseal/runtime';
import { Leader } from './leader.js';
import { RelayReader } from './relay-reader.js';

export interface RelaySettings {
  readonly kafka: KafkaPublisherOptions;
  /** As the role runseal_ingest, past any pooler. */
  readonly databaseUrl: string;
  readonly ledger: string;
}

const STATEMENT_LIMIT_MS = 30_000;
/** Well within the silence after which Postgres takes the lead away. */
const TURN_MS = 500;
/** A relay that stopped at a record looks again after so long: the ledger may have been restored. */
const STOPPED_MS = 60_000;

/**
 * Publishes what is sealed to Kafka while this process leads; another takes over when it dies. Two at once, for the moment in
 * which one learns that it no longer leads, only make duplicates. Trouble is logged once a kind and tried again for ever.
 */
export class Relay {
  private readonly pool: Pool;
  private readonly publisher: KafkaPublisher;
  private readonly feed: LedgerFeed;
  private readonly leader: Leader;
  private reading: Reading | null = null;
  private startedAt_ms = 0;
  private trouble: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private turn: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(
    private readonly settings: RelaySettings,
    private readonly log: ServiceLog,
  ) {
    const { databaseUrl: url, kafka, ledger } = settings;
    const about = { applicationName: 'runseal-ingest-relay', statementTimeout_ms: STATEMENT_LIMIT_MS };
    this.pool = openPool({ url, connectionsMax: 2, ...about });
    this.publisher = new KafkaPublisher(kafka);
    this.feed = new LedgerFeed({ pool: this.pool, url });
    this.leader = new Leader(url, `runseal-relay ${ledger}`);
  }

  start(): void {
    this.timer = setTimeout(() => {
      this.turn = this.takeTurn().finally(() => {
        if (!this.isStopped) this.start();
      });
    }, TURN_MS);
  }

  /** Ends after the batch under way and gives up the lead. */
  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.turn;
    await this.stopReading();
    await this.leader.resign();
    await this.publisher.close();
    await this.pool.end();
  }

  /** A head that was published in the store of heads, for those who follow Kafka. Logged where Kafka is away: the store has it. */
  async publishHead({ epoch, number, note }: StoredHead): Promise<void> {
    const { ledger } = this.settings;
    try {
      await this.publisher.publishHead({ ledger, epoch, number, note });
    } catch (error) {
      this.log.warn({ err: error, ledger, epoch, number }, 'a head was not published to Kafka');
    }
  }

  /** Sealed records that are not published yet. */
  async countLag(): Promise<number> {
    const { ledger } = this.settings;
    const position = await new RelayReader(this.pool, ledger, this.publisher).findPosition();
    const newest = await new LedgerRecordSource(this.pool).findNewest(ledger);
    return Math.max(0, (newest?.seq ?? -1) - (position?.seq ?? -1));
  }

  private async takeTurn(): Promise<void> {
    try {
      if (!(await this.leader.tryLead())) return await this.stopReading();
      const state = this.reading?.state();
      if (state?.state === 'stopped' && performance.now() - this.startedAt_ms > STOPPED_MS) await this.stopReading();
      if (!this.reading) {
        this.startedAt_ms = performance.now();
        this.reading = await this.feed.start(new RelayReader(this.pool, this.settings.ledger, this.publisher));
      }
      this.report(!state ? null : state.state === 'stopped' ? state.reason : state.trouble);
    } catch (error) {
      // Without its lock this process may not be the only one.
      await this.stopReading();
      this.report(error instanceof Error ? error.message : String(error));
    }
  }

  private async stopReading(): Promise<void> {
    const { reading } = this;
    this.reading = null;
    await reading?.stop();
  }

  private report(trouble: string | null): void {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    const { ledger } = this.settings;
    if (trouble !== null) this.log.error({ ledger, trouble }, 'records are not published to Kafka');
    else this.log.info({ ledger }, 'records are published to Kafka again');
  }
}
