import { openPool } from '@runseal/postgres';
import { kafkaOf, KeyAuthenticator, serveUntilSignal, startService } from '@runseal/runtime';
import { readLineageEnvironment } from './environment.js';
import { LineageModule } from './lineage.module.js';
import { openLineage } from './open-lineage.js';
import { VERSION } from './version.js';

/** Queries have no bodies. */
const BODY_LIMIT = 1_024;

async function main(): Promise<void> {
  const environment = readLineageEnvironment();
  const lineage = await openLineage({
    databaseUrl: environment.DATABASE_URL,
    ledger: environment.RUNSEAL_LEDGER,
    kafka: kafkaOf(environment),
  });
  const accessPool = openPool({
    url: environment.DATABASE_URL,
    applicationName: 'runseal-lineage-access',
    connectionsMax: 2,
  });
  const service = await startService({
    name: 'lineage',
    version: VERSION,
    module: LineageModule.register(lineage),
    host: environment.HOST,
    port: environment.PORT,
    managementPort: environment.MANAGEMENT_PORT,
    log: { level: environment.LOG_LEVEL },
    authenticator: new KeyAuthenticator(accessPool),
    bodyLimit: BODY_LIMIT,
    refusalStatus: {},
  });
  serveUntilSignal(service);
}

main().catch((error: unknown) => {
  process.stderr.write(`lineage did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
