import { Command, CommanderError } from 'commander';
import type { Declare, Run } from './command.js';
import { plain } from './text-table.js';
import { CliError, printJson, printLine, UNDETERMINED, YES, type ExitCode, type Surroundings } from './surroundings.js';

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly declare: Declare }>;
}

// A command's module is loaded only where its name is among the arguments, so that help is quick.
const commands: Readonly<Record<string, Entry>> = {
  runs: { summary: 'list runs with their state and verdict', load: () => import('./commands/runs.js') },
  show: { summary: 'one run: curves, verdict, what went in and came out', load: () => import('./commands/show.js') },
  why: { summary: 'each gate’s sentence with its values and records', load: () => import('./commands/why.js') },
  // The name that the Python program's users know it by.
  gates: { summary: 'the same as why', load: () => import('./commands/why.js') },
  compare: { summary: 'what differs between runs', load: () => import('./commands/compare.js') },
  lineage: {
    summary: 'what a run or an artifact came from and went into',
    load: () => import('./commands/lineage.js'),
  },
  'audit-record': { summary: 'the audit record of a run', load: () => import('./commands/audit-record.js') },
  check: { summary: 'say what the ledger knows of a file or folder', load: () => import('./commands/check.js') },
  'accept-warnings': {
    summary: 'accept, as a person, the warnings of a verdict',
    load: () => import('./commands/accept-warnings.js'),
  },
  models: { summary: 'list models, versions and their stages', load: () => import('./commands/models.js') },
  promote: { summary: 'ask for another stage of a version', load: () => import('./commands/promote.js') },
  tag: { summary: 'say who owns a version, what it is for, ...', load: () => import('./commands/tag.js') },
  approve: { summary: 'approve or refuse, as a person, what was asked', load: () => import('./commands/approve.js') },
  baseline: { summary: 'set what a model’s runs are compared with', load: () => import('./commands/baseline.js') },
  verify: { summary: 'say whether the ledger is as it was signed', load: () => import('./commands/verify.js') },
  evidence: {
    summary: 'fetch the proof of one record, to check offline',
    load: () => import('./commands/evidence.js'),
  },
  export: { summary: 'write the whole ledger to a file', load: () => import('./commands/export.js') },
  import: { summary: "seal a finished run's output folder", load: () => import('./commands/import.js') },
  tail: { summary: 'follow records as they are sealed', load: () => import('./commands/tail.js') },
  keys: { summary: 'create, list and revoke API keys', load: () => import('./commands/keys.js') },
  migrate: {
    summary: "make or update a database's schema, roles and grants",
    load: () => import('./commands/migrate.js'),
  },
  topics: { summary: 'make the topics in Kafka', load: () => import('./commands/topics.js') },
  doctor: { summary: 'look for what is wrong and say what to do', load: () => import('./commands/doctor.js') },
  rebuild: { summary: 'build read tables anew and compare', load: () => import('./commands/rebuild.js') },
  standalone: {
    summary: 'serve everything here, on an embedded Postgres',
    load: () => import('./commands/standalone.js'),
  },
  demo: { summary: 'tamper with the embedded demo, to see it found', load: () => import('./commands/demo.js') },
};

/** Runs one command line (without node and script) and returns its exit code: 0 yes, 1 no, 2 could not be determined. */
export async function runCli(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = YES;
  const run: Run =
    (work) =>
    async (...given) => {
      exitCode = await work(surroundings, ...given);
    };
  try {
    const program = await createProgram(argv, surroundings, run);
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? YES : UNDETERMINED;
    return tell(error, argv.includes('--json'), surroundings);
  }
}

async function createProgram(argv: readonly string[], { out, err }: Surroundings, run: Run): Promise<Command> {
  const program = new Command('runseal')
    .description('Records fine-tuning runs in a ledger that anyone can verify.')
    .option('--url <url>', 'address of the server (else RUNSEAL_URL, else .runseal/credentials.json)')
    .option('--key <key>', 'API key (else RUNSEAL_API_KEY, else .runseal/credentials.json)')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', '\nExample:\n  runseal verify\n\nExit codes: 0 yes, 1 no, 2 could not be determined.')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void out.write(text),
      writeErr: (text) => void err.write(text),
      getOutHasColors: () => out.isTTY === true,
      getErrHasColors: () => err.isTTY === true,
    })
    .exitOverride();
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary);
    if (argv.includes(name)) (await load()).declare(command, run);
  }
  return program;
}

function tell(error: unknown, asJson: boolean, { out, err }: Surroundings): ExitCode {
  const message = error instanceof Error ? error.message : String(error);
  const exitCode = error instanceof CliError ? error.exitCode : UNDETERMINED;
  if (asJson) printJson(out, { error: message });
  // Somebody else's words may be in it: a run's name, a server's answer.
  printLine(err, `runseal: ${message.split('\n').map(plain).join('\n')}`);
  return exitCode;
}
