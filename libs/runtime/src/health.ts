import { Controller, Get } from '@nestjs/common';
import { Readiness } from './readiness.js';
import { RuntimeRefusal } from './refusal.js';
import { Scope } from './scope.js';

/** The two questions of an orchestrator: restart me? (live) and send me traffic? (ready). */
@Controller('health')
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  /** Looks at nothing: a database that is away is no reason to kill this process. */
  @Get('live')
  @Scope('public')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @Scope('public')
  async ready(): Promise<{ status: 'ok'; checks: object }> {
    const { isReady, checks } = await this.readiness.check();
    if (!isReady) throw new RuntimeRefusal('not_ready', 'Not ready for traffic: see checks.', { detail: { checks } });
    return { status: 'ok', checks };
  }
}
