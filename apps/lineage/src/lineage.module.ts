import { Module, type DynamicModule, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { Readers, Readiness } from '@runseal/runtime';
import { ArtifactsController } from './artifacts.controller.js';
import { ShowAuditRecordHandler, ShowChecklistHandler, ShowComplianceHandler } from './audit.js';
import { CompareRunsHandler } from './compare-runs.js';
import { Lineage } from './lineage.js';
import { ListLogsHandler } from './list-logs.js';
import { ListExperimentsHandler, ListRunsHandler } from './list-runs.js';
import { RunsController } from './runs.controller.js';
import { ShowArtifactHandler } from './show-artifact.js';
import { ShowMetricsHandler } from './show-metrics.js';
import { ShowResourcesHandler } from './show-resources.js';
import { ShowRunHandler } from './show-run.js';
import { WalkGraphHandler } from './walk-graph.js';

/** Run state, metrics and the artifact graph as a module: alone in its own process, or beside the others in `standalone`. */
@Module({})
export class LineageModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly lineage: Lineage,
    private readonly readiness: Readiness,
    private readonly readers: Readers,
  ) {}

  static register(lineage: Lineage): DynamicModule {
    return {
      module: LineageModule,
      imports: [CqrsModule],
      controllers: [RunsController, ArtifactsController],
      providers: [
        { provide: Lineage, useValue: lineage },
        ListRunsHandler,
        ListExperimentsHandler,
        ShowRunHandler,
        ShowMetricsHandler,
        ShowResourcesHandler,
        ListLogsHandler,
        ShowAuditRecordHandler,
        ShowChecklistHandler,
        ShowComplianceHandler,
        CompareRunsHandler,
        ShowArtifactHandler,
        WalkGraphHandler,
      ],
    };
  }

  onModuleInit(): void {
    const { pool, reader, source, ledger } = this.lineage.parts;
    this.readiness.addCheck('lineage database', () => pool.query('select 1'));
    this.readers.serveLedger({ name: ledger, findNewest: () => source.findNewest(ledger) });
    this.readers.add(reader);
  }

  /** Runs after the last request was answered. */
  async onModuleDestroy(): Promise<void> {
    await this.lineage.parts.close();
  }
}
