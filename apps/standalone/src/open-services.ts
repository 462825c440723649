import { Module, type DynamicModule } from '@nestjs/common';
import { ConsoleModule, consoleFolder } from '@runseal/console';
import { GatesModule, openGates, REFUSAL_STATUS as GATES_STATUS } from '@runseal/gates';
import { IngestModule, openIngest, REFUSAL_STATUS as INGEST_STATUS } from '@runseal/ingest';
import type { SigningIdentity } from '@runseal/ledger';
import { LineageModule, openLineage } from '@runseal/lineage';
import { openRegistry, RegistryModule, REFUSAL_STATUS as REGISTRY_STATUS } from '@runseal/registry';
import { openLog, type LogOptions } from '@runseal/runtime';
import type { EmbeddedDatabase } from './embedded-database.js';
import { VERSION } from './version.js';

export interface ServicesToOpen {
  readonly database: EmbeddedDatabase;
  readonly identity: SigningIdentity;
  readonly headsFolder: string;
  readonly log: LogOptions;
}

/** HTTP status of what any of the services refuses. */
export const REFUSAL_STATUS: Readonly<Record<string, number>> = {
  ...INGEST_STATUS,
  ...GATES_STATUS,
  ...REGISTRY_STATUS,
};

/**
 * Opens every service, each with its own role, schema and pools, as if it were alone: they meet in the ledger. Each module
 * closes what was opened for it; where one cannot be opened, those before it are closed here.
 */
export async function openServices({ database, identity, headsFolder, log }: ServicesToOpen): Promise<DynamicModule> {
  const logOf = (name: string) => openLog({ name, version: VERSION }, log);
  const { ledger } = identity;
  const opened: { close(): Promise<void> }[] = [];
  const keep = <Parts extends { close(): Promise<void> }, Service extends { parts: Parts }>(service: Service) => {
    opened.push(service.parts);
    return service;
  };
  try {
    const ingest = keep(
      await openIngest(
        {
          databaseUrl: database.urlAs('runseal_ingest'),
          maintenanceDatabaseUrl: database.urlAs('runseal_maintenance'),
          identity,
          headsFolder,
          scansForSecrets: true,
          kafka: null,
        },
        logOf('ingest'),
      ),
    );
    const lineage = keep(await openLineage({ databaseUrl: database.urlAs('runseal_lineage'), ledger, kafka: null }));
    const gates = keep(
      await openGates(
        { databaseUrl: database.urlAs('runseal_gates'), ledger, headsFolder, kafka: null },
        logOf('gates'),
      ),
    );
    const registry = keep(
      await openRegistry(
        { databaseUrl: database.urlAs('runseal_registry'), ledger, headsFolder, kafka: null },
        logOf('registry'),
      ),
    );
    return {
      module: StandaloneModule,
      imports: [
        IngestModule.register(ingest, logOf('ingest')),
        LineageModule.register(lineage),
        GatesModule.register(gates),
        RegistryModule.register(registry),
        ConsoleModule.register({ webFolder: consoleFolder }),
      ],
    };
  } catch (error) {
    await Promise.allSettled(opened.map((parts) => parts.close()));
    throw error;
  }
}

@Module({})
class StandaloneModule {}
