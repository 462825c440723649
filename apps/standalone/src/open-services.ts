import { Module, type DynamicModule } from '@nestjs/common';
import { ConsoleModule, consoleFolder } from '@runseal/console';
import { IngestModule, openIngest } from '@runseal/ingest';
import type { SigningIdentity } from '@runseal/ledger';
import { LineageModule, openLineage } from '@runseal/lineage';
import { openLog, type LogOptions } from '@runseal/runtime';
import type { EmbeddedDatabase } from './embedded-database.js';
import { VERSION } from './version.js';

export interface ServicesToOpen {
  readonly database: EmbeddedDatabase;
  readonly identity: SigningIdentity;
  readonly headsFolder: string;
  readonly log: LogOptions;
}

/**
 * Opens every service, each with its own role, schema and pools, as if it were alone: they meet in the ledger. Each module
 * closes what was opened for it. `closeOnFailure` closes what is open where a later one cannot be opened.
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
    return {
      module: StandaloneModule,
      imports: [
        IngestModule.register(ingest, logOf('ingest')),
        LineageModule.register(lineage),
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
