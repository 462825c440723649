import { parseArgs } from 'node:util';
import { serveStandaloneUntilSignal } from './serve-until-signal.js';
import { startStandalone } from './start-standalone.js';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } });
  const standalone = await startStandalone({
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
    ...(values.data === undefined ? {} : { data: values.data }),
  });
  serveStandaloneUntilSignal(standalone);
  const { url, credentialsPath, newApiKey } = standalone;
  process.stdout.write(`Runseal listens on ${url}. Credentials: ${credentialsPath}\n`);
  if (newApiKey !== null) process.stdout.write(`Admin key, shown only now: ${newApiKey}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`Runseal did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
