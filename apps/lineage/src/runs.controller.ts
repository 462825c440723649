import { Readable } from 'node:stream';
import { Controller, Get, Headers, Param, Query, Res, StreamableFile } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { CurrentCaller, parseAsOf, Readiness, Scope, type Caller } from '@runseal/runtime';
import type { FastifyReply } from 'fastify';
import { stringify } from 'yaml';
import type {
  AuditRecordAnswer,
  ChecklistAnswer,
  ComplianceAnswer,
  ExperimentItem,
  MetricsAnswer,
  Page,
  RunAnswer,
  RunItem,
  RunSort,
} from './answers.js';
import { ShowAuditRecord, ShowChecklist, ShowCompliance } from './audit.js';
import { CompareRuns } from './compare-runs.js';
import { csvOf } from './csv.js';
import { findDocument } from './find-document.js';
import type { CompareAnswer } from './graph-answers.js';
import { Lineage } from './lineage.js';
import { ListLogs } from './list-logs.js';
import { ListExperiments, ListRuns } from './list-runs.js';
import { parseLastSeen } from './live-runs.js';
import type { LogChunkItem, ResourcesAnswer } from './observed-answers.js';
import {
  AsOfQuery,
  CompareQuery,
  ExperimentsQuery,
  LogsQuery,
  MetricsQuery,
  ResourcesQuery,
  RunParams,
  RunsQuery,
} from './requests.js';
import { requireLedger } from './require-ledger.js';
import { ShowMetrics } from './show-metrics.js';
import { ShowResources } from './show-resources.js';
import { ShowRun } from './show-run.js';

const READ = { verb: 'query', reader: 'lineage' } as const;

@Controller('v1')
export class RunsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly lineage: Lineage,
    private readonly readiness: Readiness,
  ) {}

  @Get('experiments')
  @Scope('read', READ)
  experiments(@Query() query: ExperimentsQuery, @CurrentCaller() caller: Caller): Promise<Page<ExperimentItem>> {
    requireLedger(caller, this.lineage.ledger);
    return this.queries.execute(new ListExperiments(query.q, pageOf(query)));
  }

  @Get('runs')
  @Scope('read', READ)
  list(@Query() query: RunsQuery, @CurrentCaller() caller: Caller): Promise<Page<RunItem>> {
    requireLedger(caller, this.lineage.ledger);
    const { sort: order, limit: _, cursor: __, ...filter } = query;
    const isDescending = order.startsWith('-');
    const sort = (isDescending ? order.slice(1) : order) as RunSort;
    return this.queries.execute(new ListRuns(filter, { sort, isDescending, ...pageOf(query) }));
  }

  @Get('runs/compare')
  @Scope('read', READ)
  compare(@Query() { id }: CompareQuery, @CurrentCaller() caller: Caller): Promise<CompareAnswer> {
    requireLedger(caller, this.lineage.ledger);
    return this.queries.execute(new CompareRuns(id));
  }

  @Get('runs/:id')
  @Scope('read', READ)
  show(@Param() { id }: RunParams, @CurrentCaller() caller: Caller): Promise<RunAnswer> {
    requireLedger(caller, this.lineage.ledger);
    return this.queries.execute(new ShowRun(id));
  }

  /** Curves, or with `format=csv` every raw point. */
  @Get('runs/:id/metrics')
  @Scope('read', READ)
  async metrics(
    @Param() { id }: RunParams,
    @Query() query: MetricsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<MetricsAnswer | StreamableFile> {
    requireLedger(caller, this.lineage.ledger);
    const { key: keys, kind, from, to, points, format } = query;
    const wanted = {
      ...(keys === undefined ? {} : { keys }),
      ...(kind === undefined ? {} : { kind }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    };
    if (format === 'json') return this.queries.execute(new ShowMetrics(id, { ...wanted, points }));
    await findDocument(this.lineage.pool, id);
    const text = csvOf(this.lineage.pool, { run: id, ...wanted });
    const disposition = `attachment; filename="${id}.csv"`;
    return new StreamableFile(Readable.from(text), { type: 'text/csv; charset=utf-8', disposition });
  }

  /** What was read of the machine while the run went on. */
  @Get('runs/:id/resources')
  @Scope('read', READ)
  resources(
    @Param() { id }: RunParams,
    @Query() { metric: metrics, points }: ResourcesQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<ResourcesAnswer> {
    requireLedger(caller, this.lineage.ledger);
    return this.queries.execute(new ShowResources(id, { ...(metrics ? { metrics } : {}), points }));
  }

  /** What the run printed, by digest and place. */
  @Get('runs/:id/logs')
  @Scope('read', READ)
  logs(
    @Param() { id }: RunParams,
    @Query() query: LogsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<LogChunkItem>> {
    requireLedger(caller, this.lineage.ledger);
    return this.queries.execute(new ListLogs(id, query.source ?? null, pageOf(query)));
  }

  /** JSON, or YAML where `Accept` asks for it. */
  @Get('runs/:id/audit-record')
  @Scope('read', READ)
  async auditRecord(
    @Param() { id }: RunParams,
    @Headers('accept') accept: string | undefined,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AuditRecordAnswer | string> {
    requireLedger(caller, this.lineage.ledger);
    const record = await this.queries.execute<ShowAuditRecord, AuditRecordAnswer>(new ShowAuditRecord(id));
    void reply.header('vary', 'accept');
    if (!/\b(application|text)\/(x-)?yaml\b/.test(accept ?? '')) return record;
    void reply.header('content-type', 'application/yaml; charset=utf-8');
    return stringify(record);
  }

  @Get('runs/:id/checklist')
  @Scope('read', READ)
  checklist(@Param() { id }: RunParams, @CurrentCaller() caller: Caller): Promise<ChecklistAnswer> {
    requireLedger(caller, this.lineage.ledger);
    return this.queries.execute(new ShowChecklist(id));
  }

  @Get('runs/:id/compliance')
  @Scope('read', READ)
  compliance(
    @Param() { id }: RunParams,
    @Query() { as_of }: AsOfQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<ComplianceAnswer> {
    requireLedger(caller, this.lineage.ledger);
    return this.queries.execute(new ShowCompliance(id, as_of === undefined ? undefined : parseAsOf(as_of)));
  }

  /** Server-sent events: the run's records as they are projected. */
  @Get('runs/:id/live')
  @Scope('read', READ)
  async live(
    @Param() { id }: RunParams,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CurrentCaller() caller: Caller,
  ): Promise<StreamableFile> {
    requireLedger(caller, this.lineage.ledger);
    await findDocument(this.lineage.pool, id);
    const events = this.lineage.parts.live.follow(id, parseLastSeen(lastEventId), this.readiness.draining);
    return new StreamableFile(events, { type: 'text/event-stream; charset=utf-8' });
  }
}

const pageOf = ({ limit, cursor }: { limit: number; cursor?: string }) => ({
  limit,
  ...(cursor === undefined ? {} : { cursor }),
});
