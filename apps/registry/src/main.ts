import { openPool } from '@runseal/postgres';
import { kafkaOf, KeyAuthenticator, openLog, serveUntilSignal, startService } from '@runseal/runtime';
import { readRegistryEnvironment } from './environment.js';
import { BODY_LIMIT } from './requests.js';
import { openRegistry } from './open-registry.js';
import { REFUSAL_STATUS } from './refusal.js';
import { RegistryModule } from './registry.module.js';
import { VERSION } from './version.js';

async function main(): Promise<void> {
  const environment = readRegistryEnvironment();
  const log = { level: environment.LOG_LEVEL };
  const name = 'registry';
  const registry = await openRegistry(
    {
      databaseUrl: environment.DATABASE_URL,
      ledger: environment.RUNSEAL_LEDGER,
      headsFolder: environment.RUNSEAL_HEADS_DIR,
      kafka: kafkaOf(environment),
    },
    openLog({ name, version: VERSION }, log),
  );
  const accessPool = openPool({
    url: environment.DATABASE_URL,
    applicationName: 'runseal-registry-access',
    connectionsMax: 2,
  });
  const service = await startService({
    name,
    version: VERSION,
    module: RegistryModule.register(registry),
    host: environment.HOST,
    port: environment.PORT,
    managementPort: environment.MANAGEMENT_PORT,
    log,
    authenticator: new KeyAuthenticator(accessPool),
    bodyLimit: BODY_LIMIT,
    refusalStatus: REFUSAL_STATUS,
  });
  serveUntilSignal(service);
}

main().catch((error: unknown) => {
  process.stderr.write(`registry did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
