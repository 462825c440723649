import { Module, type DynamicModule, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { Readers, Readiness } from '@runseal/runtime';
import { DecideRequestHandler, RegisterVersionHandler, RequestTransitionHandler, SetTagsHandler } from './commands.js';
import { ListModelsHandler, ListVersionsHandler } from './list-models.js';
import { ModelsController } from './models.controller.js';
import { Registry } from './registry.js';
import { ShowComplianceHandler, ShowVersionHandler } from './show-version.js';

/** Model versions, stages and approvals as a module: alone in its own process, or beside the others in `standalone`. */
@Module({})
export class RegistryModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly registry: Registry,
    private readonly readiness: Readiness,
    private readonly readers: Readers,
  ) {}

  static register(registry: Registry): DynamicModule {
    return {
      module: RegistryModule,
      imports: [CqrsModule],
      controllers: [ModelsController],
      providers: [
        { provide: Registry, useValue: registry },
        ListModelsHandler,
        ListVersionsHandler,
        ShowVersionHandler,
        ShowComplianceHandler,
        RequestTransitionHandler,
        DecideRequestHandler,
        SetTagsHandler,
        RegisterVersionHandler,
      ],
    };
  }

  onModuleInit(): void {
    const { pool, door, reader, source, ledger } = this.registry.parts;
    this.readiness.addCheck('registry database', () => pool.query('select 1'));
    this.readiness.addCheck('registry door', async () => {
      if (!door.isOpen) throw new Error('the ledger is not open');
    });
    this.readers.serveLedger({ name: ledger, findNewest: () => source.findNewest(ledger) });
    this.readers.add(reader);
  }

  /** Runs after the last request was answered. */
  async onModuleDestroy(): Promise<void> {
    await this.registry.parts.close();
  }
}
