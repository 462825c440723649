import { InvalidArgumentError, Option, type Command } from 'commander';
import { knownLogsPath } from '@runseal/ledger';
import { findAddress, findCredentials, type Credentials } from '../credentials.js';
import { requireDatabaseUrl } from '../database-url.js';
import type { Run } from '../command.js';
import { Server } from '../server.js';
import {
  CliError,
  NO,
  printJson,
  UNDETERMINED,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';
import { DatabaseSource } from '../verify/database-source.js';
import { ExportSource } from '../verify/export-source.js';
import type { LedgerSource } from '../verify/ledger-source.js';
import { printVerdict } from '../verify/report.js';
import { ServerSource } from '../verify/server-source.js';
import type { TrustOptions } from '../verify/trust.js';
import { verifyEvidenceFile } from '../verify/verify-evidence.js';
import { verifySource } from '../verify/verify-source.js';

interface Options extends GlobalOptions, TrustOptions {
  readonly database?: string;
  readonly export?: string;
  readonly evidence?: string;
  readonly ledger?: string;
}

/** Where not even a beginning could be read, programs still get a verdict. */
const NOTHING_READ = {
  verdict: 'undetermined',
  log: null,
  ledger: null,
  epoch: 0,
  size: 0,
  root: null,
  anchored_to: null,
  unanchored: 0,
  trust: 'none',
  heads_checked: 0,
  payloads: { verified: 0, pruned: 0, erased: 0, missing: 0, mismatched: 0 },
  lost: [],
  faults: [],
  fault_count: 0,
  records_per_second: 0,
};

export function declare(command: Command, run: Run): void {
  command
    .addOption(new Option('--database <url>', 'read the database itself').conflicts(['export', 'evidence']))
    .addOption(new Option('--export <file>', 'verify an export, .gz too').conflicts('evidence'))
    .option('--evidence <file>', 'verify the evidence of one record, offline')
    .option('--ledger <name>', 'the ledger, where it is not the one of the credentials or "default"')
    .option('--key-file <file>', "file with the ledger's verifier key, instead of known-logs")
    .option('--head <file>', "an older head that you kept: today's ledger must extend it")
    .option('--heads <folder>', 'a store of signed heads outside the database')
    .option('--trust-key <key>', 'trust this key from now on: you have compared it')
    .option('--accept-epoch <number>', 'accept what the restore that opened this epoch lost', parseCount)
    .addHelpText(
      'after',
      '\nExamples:\n  runseal verify\n  runseal verify --export ledger.jsonl.gz --key-file ledger.key\n' +
        '  runseal verify --database postgres://runseal_auditor@db/runseal\n\n' +
        'Exit codes: 0 intact, 1 tampered, 2 could not be determined.',
    )
    .action(
      run((surroundings, _options: Options, self: Command) => verify(self.optsWithGlobals<Options>(), surroundings)),
    );
}

async function verify(options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, environment } = surroundings;
  const knownLogs = knownLogsPath(environment.configHome);
  if (options.evidence !== undefined) {
    return verifyEvidenceFile({ ...options, file: options.evidence, knownLogs, json: options.json === true }, out);
  }
  const { source, local } = await openSource(options, surroundings);
  try {
    const heads = options.heads ?? local?.heads_dir;
    const given = { ...options, knownLogs, log: local?.log, ...(heads === undefined ? {} : { heads }) };
    const verdict = await verifySource(source, given, err);
    if (options.json) printJson(out, verdict);
    else printVerdict(out, verdict);
    return { intact: YES, tampered: NO, undetermined: UNDETERMINED }[verdict.verdict] as ExitCode;
  } catch (error) {
    if (!options.json || !(error instanceof CliError)) throw error;
    printJson(out, { ...NOTHING_READ, reason: error.message });
    return UNDETERMINED;
  } finally {
    await source.close();
  }
}

/** The source that the options name, and the local installation's credentials where it is the one that they lead to. */
async function openSource(
  options: Options,
  surroundings: Surroundings,
): Promise<{ source: LedgerSource; local: Credentials | null }> {
  if (options.export !== undefined) return { source: new ExportSource(options.export), local: null };
  if (options.database !== undefined) {
    const url = requireDatabaseUrl(options.database);
    const found = await findCredentials(surroundings.folder);
    const local = found?.database_url !== undefined && isSameDatabase(found.database_url, url) ? found : null;
    return { source: new DatabaseSource(url, options.ledger ?? ledgerOf(local)), local };
  }
  const { url, apiKey, credentials } = await findAddress(options, surroundings);
  const ledger = options.ledger ?? ledgerOf(credentials);
  return { source: new ServerSource(new Server(url, apiKey, surroundings.interrupted), ledger), local: credentials };
}

function ledgerOf(credentials: Credentials | null): string {
  return credentials?.log?.split('/')[1] ?? 'default';
}

function isSameDatabase(left: string, right: string): boolean {
  const [one, other] = [new URL(left), new URL(right)];
  return one.host === other.host && one.pathname === other.pathname;
}

function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Wanted a whole number from 0 on.');
  return value;
}
