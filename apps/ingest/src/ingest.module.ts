import { Module, type DynamicModule, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Readiness, ServiceMetrics, type ServiceLog } from '@runseal/runtime';
import { Gauge } from 'prom-client';
import { EventsController } from './events.controller.js';
import { Ingest } from './ingest.js';
import { KeysController } from './keys.controller.js';
import { EpochsController, LogController } from './log.controller.js';
import { RecordsController } from './records.controller.js';
import { SdkFileController } from './sdk-file.controller.js';
import { SecurityLog } from './security-log.js';

/** The door of the ledger as a module: alone in its own process, or beside the other services in `standalone`. */
@Module({})
export class IngestModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly ingest: Ingest,
    private readonly readiness: Readiness,
    private readonly metrics: ServiceMetrics,
  ) {}

  static register(ingest: Ingest, log: ServiceLog): DynamicModule {
    return {
      module: IngestModule,
      controllers: [
        EventsController,
        RecordsController,
        LogController,
        EpochsController,
        KeysController,
        SdkFileController,
      ],
      providers: [
        { provide: Ingest, useValue: ingest },
        {
          provide: SecurityLog,
          useFactory: (metrics: ServiceMetrics) => new SecurityLog(log, metrics),
          inject: [ServiceMetrics],
        },
      ],
    };
  }

  onModuleInit(): void {
    const { pool, door, head, relay } = this.ingest.parts;
    this.readiness.addCheck('database', () => pool.query('select 1'));
    this.readiness.addCheck('ledger', async () => {
      if (!door.isOpen) throw new Error('the ledger is not open');
    });
    const registers = [this.metrics.registry];
    new Gauge({
      name: 'runseal_seal_queue_events',
      help: 'Events that wait to be sealed',
      registers,
      collect() {
        this.set(door.queueLength);
      },
    });
    new Gauge({
      name: 'runseal_head_size_records',
      help: 'Records that the newest published head covers',
      registers,
      async collect() {
        this.set((await head.find())?.head.size ?? 0);
      },
    });
    if (!relay) return;
    new Gauge({
      name: 'runseal_relay_lag_records',
      help: 'Sealed records that are not published to Kafka yet',
      registers,
      async collect() {
        const lag = await relay.countLag().catch(() => null); // the database is away: the last one stays
        if (lag !== null) this.set(lag);
      },
    });
  }

  /** Runs after the last request was answered. */
  async onModuleDestroy(): Promise<void> {
    await this.ingest.parts.close();
  }
}
