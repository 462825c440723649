import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { CurrentCaller, Scope, type Caller } from '@runseal/runtime';
import type { BaselineAnswer, Page, PolicyAnswer, PublicationAnswer, PublishedAnswer } from './answers.js';
import { Gates } from './gates.js';
import { ListPolicies, PublishPolicy, ShowPolicy } from './policies.js';
import { AsOfQuery, asOfOf, BaselineRequest, PageQuery, PolicyParams, PublishRequest } from './requests.js';
import { requireLedger } from './require-ledger.js';
import { pageOf } from './runs.controller.js';
import { SetBaseline } from './set-baseline.js';

@Controller('v1')
export class PoliciesController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
    private readonly gates: Gates,
  ) {}

  /** Policies in force. */
  @Get('policies')
  @Scope('read', { verb: 'query', reader: 'gates' })
  list(@Query() query: PageQuery, @CurrentCaller() caller: Caller): Promise<Page<PublicationAnswer>> {
    requireLedger(caller, this.gates.ledger);
    return this.queries.execute(new ListPolicies(pageOf(query)));
  }

  /** One policy with its publications. */
  @Get('policies/:id')
  @Scope('read', { verb: 'query', reader: 'gates' })
  show(
    @Param() { id }: PolicyParams,
    @Query() query: AsOfQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<PolicyAnswer> {
    requireLedger(caller, this.gates.ledger);
    return this.queries.execute(new ShowPolicy(id, asOfOf(query)));
  }

  /** Brings a policy into force: for a model by its name, for all others as `default`. */
  @Post('policies')
  @HttpCode(201)
  @Scope('policy:write', { verb: 'seal', reader: 'gates' })
  publish(@Body() body: PublishRequest, @CurrentCaller() caller: Caller): Promise<PublishedAnswer> {
    requireLedger(caller, this.gates.ledger);
    const { id, source, reason = null } = body;
    return this.commands.execute(new PublishPolicy(id, caller.principal, { source, reason }));
  }

  /** What later runs for a model are compared with. */
  @Post('baselines')
  @HttpCode(201)
  @Scope('policy:write', { verb: 'seal', reader: 'gates' })
  setBaseline(@Body() body: BaselineRequest, @CurrentCaller() caller: Caller): Promise<BaselineAnswer> {
    requireLedger(caller, this.gates.ledger);
    return this.commands.execute(new SetBaseline(body, caller.principal));
  }
}
