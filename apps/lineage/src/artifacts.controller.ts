import { Controller, Get, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { CurrentCaller, parseAsOf, Scope, type AsOf, type Caller } from '@runseal/runtime';
import type { ArtifactAnswer, GraphAnswer } from './graph-answers.js';
import { Lineage } from './lineage.js';
import { AsOfQuery, NodeParams, WalkQuery } from './requests.js';
import { requireLedger } from './require-ledger.js';
import { ShowArtifact } from './show-artifact.js';
import { WalkGraph } from './walk-graph.js';

const READ = { verb: 'query', reader: 'lineage' } as const;

@Controller('v1/artifacts')
export class ArtifactsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly lineage: Lineage,
  ) {}

  @Get(':id')
  @Scope('read', READ)
  show(
    @Param() { id }: NodeParams,
    @Query() { as_of }: AsOfQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<ArtifactAnswer> {
    requireLedger(caller, this.lineage.ledger);
    return this.queries.execute(new ShowArtifact(id, asOfOf(as_of)));
  }

  /** What it came from. */
  @Get(':id/ancestry')
  @Scope('read', READ)
  ancestry(@Param() { id }: NodeParams, @Query() query: WalkQuery, @CurrentCaller() caller: Caller) {
    return this.walk(id, 'ancestry', query, caller);
  }

  /** What came of it. */
  @Get(':id/descendants')
  @Scope('read', READ)
  descendants(@Param() { id }: NodeParams, @Query() query: WalkQuery, @CurrentCaller() caller: Caller) {
    return this.walk(id, 'descendants', query, caller);
  }

  private walk(
    id: string,
    direction: GraphAnswer['direction'],
    query: WalkQuery,
    caller: Caller,
  ): Promise<GraphAnswer> {
    requireLedger(caller, this.lineage.ledger);
    const { depth, limit, class: classes = ['influence'], as_of } = query;
    return this.queries.execute(new WalkGraph(id, direction, { classes, depth, limit }, asOfOf(as_of)));
  }
}

const asOfOf = (text: string | undefined): AsOf | undefined => (text === undefined ? undefined : parseAsOf(text));
