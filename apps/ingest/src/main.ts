import { openPool } from '@runseal/postgres';
import { kafkaOf, KeyAuthenticator, openLog, serveUntilSignal, startService } from '@runseal/runtime';
import { limits } from '@runseal/contracts';
import { readIngestEnvironment, readSigningKey } from './environment.js';
import { IngestModule } from './ingest.module.js';
import { ENTRIES_OPEN, HASHES_OPEN } from './log.controller.js';
import { openIngest } from './open-ingest.js';
import { REFUSAL_STATUS } from './refusal-status.js';
import { VERSION } from './version.js';

async function main(): Promise<void> {
  const environment = readIngestEnvironment();
  const log = { level: environment.LOG_LEVEL };
  const name = 'ingest';
  const ingest = await openIngest(
    {
      databaseUrl: environment.DATABASE_URL,
      maintenanceDatabaseUrl: environment.MAINTENANCE_DATABASE_URL,
      identity: {
        install: environment.RUNSEAL_INSTALL,
        ledger: environment.RUNSEAL_LEDGER,
        privateKey: readSigningKey(environment.RUNSEAL_SIGNING_KEY_FILE),
      },
      headsFolder: environment.RUNSEAL_HEADS_DIR,
      scansForSecrets: environment.RUNSEAL_SECRET_SCAN,
      kafka: kafkaOf(environment),
    },
    openLog({ name, version: VERSION }, log),
  );
  const accessPool = openPool({
    url: environment.DATABASE_URL,
    applicationName: 'runseal-ingest-access',
    connectionsMax: 2,
  });
  const service = await startService({
    name,
    version: VERSION,
    module: IngestModule.register(ingest, openLog({ name, version: VERSION }, log)),
    host: environment.HOST,
    port: environment.PORT,
    managementPort: environment.MANAGEMENT_PORT,
    log,
    authenticator: new KeyAuthenticator(accessPool),
    bodyLimit: limits.requestBytes,
    refusalStatus: REFUSAL_STATUS,
    openSwitches: { none: [], hashes: [HASHES_OPEN], all: [HASHES_OPEN, ENTRIES_OPEN] }[environment.RUNSEAL_LOG_PUBLIC],
  });
  serveUntilSignal(service);
}

main().catch((error: unknown) => {
  process.stderr.write(`ingest did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
