import type { Command } from 'commander';
import { allMigrations } from '@runseal/standalone';
import { findPendingMigrations, migrate, OWNER_ROLE, SchemaVersionError, type Migration } from '@runseal/postgres';
import { requireDatabaseUrl } from '../database-url.js';
import type { Run } from '../command.js';
import {
  CliError,
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
  readonly database: string;
  readonly dryRun?: boolean;
}

export function declare(command: Command, run: Run): void {
  command
    .requiredOption('--database <url>', 'as a role with CREATEROLE that may create in this database; no superuser')
    .option('--dry-run', 'change nothing; print the SQL, for a database administrator to read')
    .addHelpText('after', '\nExample:\n  runseal migrate --database postgres://dba@db/runseal --dry-run')
    .action(run((surroundings, _options: Options, self: Command) => update(self.optsWithGlobals(), surroundings)));
}

/** Idempotent: what was applied before is left alone, and a second migration at the same time waits. */
async function update(options: Options, { out, err }: Surroundings): Promise<ExitCode> {
  const url = requireDatabaseUrl(options.database);
  const migrations = await allMigrations();
  const found = await tellFailure(() =>
    options.dryRun ? findPendingMigrations(url, migrations) : migrate(url, migrations),
  );
  const names = found.map(nameOf);
  if (options.json) {
    const sql = options.dryRun ? { sql: found.map((migration) => migration.sql) } : {};
    printJson(out, { applied: options.dryRun ? [] : names, pending: options.dryRun ? names : [], ...sql });
  } else if (options.dryRun) {
    for (const line of describeSql(found)) printLine(out, line);
    printLine(err, found.length === 0 ? 'The schema is up to date.' : `${found.length} migrations are pending.`);
  } else {
    for (const name of names) printLine(out, `applied ${name}`);
    printLine(out, found.length === 0 ? 'The schema was up to date.' : 'The schema is up to date.');
  }
  return YES;
}

function nameOf({ component, number, name }: Migration): string {
  return `${component}/${String(number).padStart(4, '0')}-${name}`;
}

function describeSql(pending: readonly Migration[]): string[] {
  if (pending.length === 0) return [];
  return [
    `-- What "runseal migrate" would run, each part in a transaction of its own, as a member of the role ${OWNER_ROLE},`,
    '-- which it makes (nologin) and leaves again. It notes each part in migrations.applied.',
    ...pending.flatMap((migration) => [
      '',
      `-- ${nameOf(migration)} (SHA-256 ${migration.sha256})`,
      migration.sql.trimEnd(),
    ]),
  ];
}

async function tellFailure<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof SchemaVersionError) throw new CliError(message, NO, { cause });
    throw new CliError(`${message.replace(/\.$/, '')}. Check --database and the role's rights.`, UNDETERMINED, {
      cause,
    });
  }
}
