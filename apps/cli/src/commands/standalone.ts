import { InvalidArgumentError, type Command } from 'commander';
import { startStandalone } from '@runseal/standalone';
import type { Run } from '../command.js';
import {
  CliError,
  printJson,
  printLine,
  UNDETERMINED,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';

interface Options extends GlobalOptions {
  readonly port: number;
  readonly data: string;
}

export function declare(command: Command, run: Run): void {
  command
    .option('--port <number>', 'port on 127.0.0.1; metrics are on port + 100', parsePort, 7450)
    .option('--data <folder>', 'where everything is kept', '.runseal')
    .addHelpText('after', '\nExample:\n  runseal standalone --port 7460 --data .runseal\n\nEnds with Ctrl-C.')
    .action(run((surroundings, _options: Options, self: Command) => serve(self.optsWithGlobals(), surroundings)));
}

async function serve({ port, data, json }: Options, { out, err, interrupted }: Surroundings): Promise<ExitCode> {
  const say = (line: string) => printLine(err, line);
  const standalone = await startStandalone({ port, data, say }).catch((cause: Error) => {
    throw new CliError(cause.message, UNDETERMINED, { cause });
  });
  const { url, credentialsPath, newApiKey } = standalone;
  const key = newApiKey === null ? {} : { api_key: newApiKey };
  if (json) printJson(out, { url, credentials_path: credentialsPath, ...key });
  else {
    printLine(out, `Runseal serves ${url}`);
    if (newApiKey !== null) printLine(out, `Admin key, shown this once: ${newApiKey}`);
    printLine(out, `The CLI finds address and key in ${credentialsPath}`);
  }
  await new Promise<void>((resolve) => {
    if (interrupted.aborted) resolve();
    else interrupted.addEventListener('abort', () => resolve(), { once: true });
  });
  say('Stopping');
  await standalone.close();
  return YES;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_435) throw new InvalidArgumentError('Wanted a port from 0 to 65435.');
  return port;
}
