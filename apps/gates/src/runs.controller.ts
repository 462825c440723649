import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { CurrentCaller, Scope, type Caller } from '@runseal/runtime';
import { AcceptWarnings } from './accept-warnings.js';
import type { AcceptedAnswer, EvaluationAnswer, HeartbeatAnswer, Page, VerdictAnswer } from './answers.js';
import { EvaluateRun } from './evaluate-run.js';
import { Gates } from './gates.js';
import { ListVerdicts } from './list-verdicts.js';
import { AcceptRequest, asOfOf, HeartbeatRequest, PageQuery, RunParams } from './requests.js';
import { requireLedger } from './require-ledger.js';
import { SendHeartbeat } from './send-heartbeat.js';

@Controller('v1/runs')
export class RunsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
    private readonly gates: Gates,
  ) {}

  /** Verdicts, newest first, each with inputs and explanation. */
  @Get(':id/gates')
  @Scope('read', { verb: 'query', reader: 'gates' })
  list(
    @Param() { id }: RunParams,
    @Query() query: PageQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<VerdictAnswer>> {
    requireLedger(caller, this.gates.ledger);
    return this.queries.execute(new ListVerdicts(id, pageOf(query)));
  }

  /** Judges an ended run now. The same inputs and policy give the verdict that stands already. */
  @Post(':id/gates/evaluate')
  @HttpCode(200)
  @Scope('policy:write', { verb: 'seal', reader: 'gates' })
  evaluate(@Param() { id }: RunParams, @CurrentCaller() caller: Caller): Promise<EvaluationAnswer> {
    requireLedger(caller, this.gates.ledger);
    return this.commands.execute(new EvaluateRun(id, caller.principal));
  }

  /** Takes responsibility for the warnings of the newest verdict, in the caller's own name. */
  @Post(':id/warnings/accept')
  @HttpCode(201)
  @Scope('approve', { verb: 'seal', reader: 'gates' })
  accept(
    @Param() { id }: RunParams,
    @Body() body: AcceptRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<AcceptedAnswer> {
    requireLedger(caller, this.gates.ledger);
    const { reason, verdict } = body;
    return this.commands.execute(
      new AcceptWarnings(id, caller.principal, { reason, ...(verdict === undefined ? {} : { verdict }) }),
    );
  }

  /** Says that an attempt is at work. No event; three leases without one are. */
  @Post(':id/heartbeat')
  @HttpCode(200)
  @Scope('events:write', { verb: 'submit', reader: 'gates' })
  heartbeat(
    @Param() { id }: RunParams,
    @Body() { attempt, phase }: HeartbeatRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<HeartbeatAnswer> {
    requireLedger(caller, this.gates.ledger);
    return this.commands.execute(new SendHeartbeat({ run: id, attempt, phase, principal: caller.principal }));
  }
}

export const pageOf = (query: PageQuery) => {
  const asOf = asOfOf(query);
  return {
    limit: query.limit,
    ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    ...(asOf === undefined ? {} : { asOf }),
  };
};
