import type { Command } from 'commander';
import pc from 'picocolors';
import { findCredentials } from '../credentials.js';
import { requireDatabaseUrl } from '../database-url.js';
import { checkDatabase, checkHeadStore } from '../doctor/check-database.js';
import { checkServer } from '../doctor/check-server.js';
import type { Finding } from '../doctor/finding.js';
import type { Run } from '../command.js';
import {
  NO,
  printJson,
  printLine,
  UNDETERMINED,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';

interface Options extends GlobalOptions {
  readonly database?: string;
  readonly heads?: string;
  readonly brokers?: string;
}

export function declare(command: Command, run: Run): void {
  command
    .option('--database <url>', 'look at this database too (else the one of the credentials)')
    .option('--heads <folder>', 'the store of signed heads (else the one of the credentials)')
    .option('--brokers <list>', 'look at the topics of these Kafka brokers too, host:port separated by commas')
    .addHelpText(
      'after',
      '\nExample:\n  runseal doctor\n\nExit codes: 0 all is well, 1 something is wrong, 2 it could not look.',
    )
    .action(run((surroundings, _options: Options, self: Command) => examine(self.optsWithGlobals(), surroundings)));
}

async function examine(options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out } = surroundings;
  const findings: Finding[] = [];
  const colors = pc.createColors(out.isTTY === true);
  const marks = { ok: colors.green('ok     '), wrong: colors.red('WRONG  '), unknown: colors.yellow('unknown') };
  for await (const finding of examineAll(options, surroundings)) {
    findings.push(finding);
    if (options.json) continue;
    printLine(out, `${marks[finding.state]}  ${finding.check}: ${finding.found}`);
    if (finding.advice !== null) printLine(out, `         ${finding.advice}`);
  }
  const exitCode = findings.some(({ state }) => state === 'wrong')
    ? NO
    : findings.some(({ state }) => state === 'unknown')
      ? UNDETERMINED
      : YES;
  if (options.json) printJson(out, { healthy: exitCode === YES, findings });
  return exitCode;
}

async function* examineAll(options: Options, surroundings: Surroundings): AsyncGenerator<Finding> {
  yield* checkServer(options, surroundings);
  const isElsewhere = options.url !== undefined || surroundings.environment.url !== undefined;
  const credentials = isElsewhere ? null : await findCredentials(surroundings.folder);
  const database = options.database ?? credentials?.database_url;
  if (database !== undefined) yield* checkDatabase(requireDatabaseUrl(database));
  const heads = options.heads ?? credentials?.heads_dir;
  if (heads !== undefined) yield await checkHeadStore(heads);
  // Loaded only here: it brings the client of Kafka along.
  if (options.brokers !== undefined) {
    yield* (await import('../doctor/check-topics.js')).checkTopicsOf(options.brokers);
  }
}
