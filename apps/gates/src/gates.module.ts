import { Module, type DynamicModule, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { Readers, Readiness } from '@runseal/runtime';
import { AcceptWarningsHandler } from './accept-warnings.js';
import { EvaluateRunHandler } from './evaluate-run.js';
import { Gates } from './gates.js';
import { ListVerdictsHandler } from './list-verdicts.js';
import { ListPoliciesHandler, PublishPolicyHandler, ShowPolicyHandler } from './policies.js';
import { PoliciesController } from './policies.controller.js';
import { RunsController } from './runs.controller.js';
import { SendHeartbeatHandler } from './send-heartbeat.js';
import { SetBaselineHandler } from './set-baseline.js';

/** Judges runs, as a module: alone in its own process, or beside the other services in `standalone`. */
@Module({})
export class GatesModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly gates: Gates,
    private readonly readiness: Readiness,
    private readonly readers: Readers,
  ) {}

  static register(gates: Gates): DynamicModule {
    return {
      module: GatesModule,
      imports: [CqrsModule],
      controllers: [RunsController, PoliciesController],
      providers: [
        { provide: Gates, useValue: gates },
        ListVerdictsHandler,
        EvaluateRunHandler,
        AcceptWarningsHandler,
        SendHeartbeatHandler,
        ListPoliciesHandler,
        ShowPolicyHandler,
        PublishPolicyHandler,
        SetBaselineHandler,
      ],
    };
  }

  onModuleInit(): void {
    const { pool, door, reader, source, ledger } = this.gates.parts;
    this.readiness.addCheck('gates database', () => pool.query('select 1'));
    this.readiness.addCheck('gates door', async () => {
      if (!door.isOpen) throw new Error('the ledger is not open');
    });
    this.readers.serveLedger({ name: ledger, findNewest: () => source.findNewest(ledger) });
    this.readers.add(reader);
  }

  /** Runs after the last request was answered. */
  async onModuleDestroy(): Promise<void> {
    await this.gates.parts.close();
  }
}
