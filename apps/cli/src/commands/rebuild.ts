import { Argument, type Command } from 'commander';
import { requireDatabaseUrl } from '../database-url.js';
import { findCredentials } from '../credentials.js';
import { openProgress } from '../progress.js';
import { rebuildService, SERVICES, type Rebuilt, type ServiceName } from '../rebuild-service.js';
import type { Run } from '../command.js';
import {
  CliError,
  count,
  NO,
  printJson,
  printLine,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';

interface Options extends GlobalOptions {
  readonly database?: string;
  readonly ledger: string;
}

export function declare(command: Command, run: Run): void {
  command
    .addArgument(new Argument('<service>', 'whose read tables').choices([...SERVICES, 'all']))
    .option('--database <url>', "as the service's own role; else the embedded one of .runseal/credentials.json")
    .option('--ledger <name>', 'the ledger', 'default')
    .addHelpText(
      'after',
      '\nBuilds the tables anew from the ledger beside the ones in use and puts them in their place where both are equal.\n' +
        'Exit code 1 where they differ: then the old ones stay.\n\nExample:\n  runseal rebuild all',
    )
    .action(
      run((surroundings, service: ServiceName | 'all', _options: unknown, self: Command) =>
        rebuildAll(service, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function rebuildAll(
  service: ServiceName | 'all',
  options: Options,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { out, err } = surroundings;
  const url = options.database ?? (await findCredentials(surroundings.folder))?.database_url;
  if (url === undefined) throw new CliError('No database: give --database, as the role of the service.');
  const reports: Rebuilt[] = [];
  for (const name of service === 'all' ? SERVICES : [service]) {
    let progress: ReturnType<typeof openProgress> | null = null;
    const rebuilt = await rebuildService(name, {
      url: requireDatabaseUrl(url),
      ledger: options.ledger,
      onProgress: (records, of) => (progress ??= openProgress(err, name, of)).update(records, records),
    }).finally(() => progress?.end());
    reports.push(rebuilt);
    if (!options.json) printLine(out, describe(rebuilt));
  }
  if (options.json) printJson(out, { rebuilt: reports });
  return reports.every((one) => one.outcome === 'swapped') ? YES : NO;
}

function describe({ service, outcome, records, records_per_second, before, after, differing }: Rebuilt): string {
  const rate = `${count(records)} records, ${count(records_per_second)} records/s`;
  const verdict =
    outcome === 'swapped' ? 'equal, and in use now' : `DIFFERENT in ${differing.join(', ')}: the old tables stay`;
  return `${service}: ${verdict} (${rate})\n  before ${before}\n  after  ${after}`;
}
