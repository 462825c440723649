import { openPool } from '@runseal/postgres';
import { kafkaOf, KeyAuthenticator, openLog, serveUntilSignal, startService } from '@runseal/runtime';
import { readGatesEnvironment } from './environment.js';
import { GatesModule } from './gates.module.js';
import { openGates } from './open-gates.js';
import { REFUSAL_STATUS } from './refusal.js';
import { BODY_LIMIT } from './requests.js';
import { VERSION } from './version.js';

async function main(): Promise<void> {
  const environment = readGatesEnvironment();
  const log = { level: environment.LOG_LEVEL };
  const name = 'gates';
  const gates = await openGates(
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
    applicationName: 'runseal-gates-access',
    connectionsMax: 2,
  });
  const service = await startService({
    name,
    version: VERSION,
    module: GatesModule.register(gates),
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
  process.stderr.write(`gates did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
