import { serveUntilSignal } from '@runseal/runtime';
import { readConsoleEnvironment } from './environment.js';
import { consoleFolder } from './page-files.js';
import { startConsole } from './start-console.js';

const split = (addresses: string): string[] => addresses.split(',');

async function main(): Promise<void> {
  const environment = readConsoleEnvironment();
  const service = await startConsole({
    host: environment.HOST,
    port: environment.PORT,
    managementPort: environment.MANAGEMENT_PORT,
    log: { level: environment.LOG_LEVEL },
    addresses: {
      ingest: split(environment.INGEST_URL),
      lineage: split(environment.LINEAGE_URL),
      gates: split(environment.GATES_URL),
      registry: split(environment.REGISTRY_URL),
    },
    webFolder: consoleFolder,
  });
  serveUntilSignal(service);
}

main().catch((error: unknown) => {
  process.stderr.write(`console did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
