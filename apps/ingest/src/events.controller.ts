import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Refusal } from '@runseal/contracts';
import { QueueFullError } from '@runseal/ledger';
import { CurrentCaller, Scope, type Caller } from '@runseal/runtime';
import { Ingest } from './ingest.js';
import { requireLedger } from './require-ledger.js';
import { SecurityLog } from './security-log.js';
import type { Submission } from './submit-events.js';

@Controller('v1/events')
export class EventsController {
  constructor(
    private readonly ingest: Ingest,
    private readonly securityLog: SecurityLog,
  ) {}

  /** Seals all events of the body or none; answers only once they are durable. */
  @Post()
  @HttpCode(201)
  @Scope('events:write', { verb: 'submit' })
  async submit(@Body() body: Buffer, @CurrentCaller() caller: Caller): Promise<Submission> {
    requireLedger(caller, this.ingest.ledger);
    try {
      return await this.ingest.parts.submitEvents.submit(body, caller.principal);
    } catch (error) {
      if (error instanceof QueueFullError) throw new Refusal('overloaded', error.message, [], { cause: error });
      if (error instanceof Refusal) this.securityLog.note(error, caller);
      throw error;
    }
  }
}
