import { InvalidArgumentError, type Command } from 'commander';
import { patterns, type SubmittedEvent } from '@runseal/contracts';
import { findAddress } from '../credentials.js';
import { buildEvents, importedRunId } from '../llamafactory/build-events.js';
import { factNames } from '../llamafactory/facts.js';
import { readRun, type RunMaterial, type RunOptions } from '../llamafactory/read-run.js';
import { reportOn, type Report } from '../llamafactory/report.js';
import { readSealedRun, requireSameStart, subtractSealed, type SealedRun } from '../llamafactory/sealed-run.js';
import { sendEvents } from '../llamafactory/send-events.js';
import { findOverall } from '../llamafactory/verdict.js';
import type { Run } from '../command.js';
import { Server } from '../server.js';
import {
  CliError,
  count,
  printJson,
  printLine,
  UNDETERMINED,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Output,
  type Surroundings,
} from '../surroundings.js';

interface Options extends GlobalOptions, Omit<RunOptions, 'folder'> {
  readonly run?: string;
}

/** What `--json` prints. */
export interface ImportResult extends Report {
  readonly run_id: string;
  readonly state: 'finished' | 'failed';
  readonly overall: string | null;
  readonly events: number;
  readonly sealed: number;
  readonly duplicates: number;
  readonly notes: readonly string[];
}

const HELP = `
Reads a finished or broken-off run's output folder: trainer_state.json, trainer_log.jsonl, *_results.json, weights, tokenizer,
README.md, YAML, checkpoints. A folder of the transformers Trainer, TRL's too, is read where it has trainer_state.json.
A second import seals nothing new; a folder that grew seals its new rows.

Names of a facts file (YAML; all may be left out; recorded as stated, never hashed):
${factNames.map((line) => `  ${line}`).join('\n')}
  An item of evaluations: {task, set: {name, version, digest, samples}, evaluator: {name, version}, raters,
  metrics: [{name, value, scale: {from, to}, standard_error}]}

Example:
  runseal import llamafactory saves/support-lora --config train.yaml --dataset data/train.json --facts facts.yaml

Exit codes: 0 sealed, 1 refused, 2 could not be determined.`;

export function declare(command: Command, run: Run): void {
  command.addHelpText('after', '\nExample:\n  runseal import llamafactory saves/support-lora');
  command
    .command('llamafactory <folder>')
    .description("a run's output folder, as LLaMA-Factory or the transformers Trainer left it")
    .option(
      '--experiment <name>',
      "the experiment that the run belongs to; else the facts' target_model or the folder's name",
    )
    .option('--name <name>', 'what people call the run')
    .option('--dataset <file>', 'the training data, a file or a folder: hashed and counted')
    .option('--config <file>', 'the YAML that the run was started with, where it is not in the folder')
    .option('--facts <file>', 'YAML with what the folder cannot tell')
    .option(
      '--run <id>',
      'the run to import into; else derived from principal, first row and configuration',
      parseRunId,
    )
    .addHelpText('after', HELP)
    .action(
      run((surroundings, folder: string, _options: unknown, self: Command) =>
        importFolder(folder, self.optsWithGlobals<Options>(), surroundings),
      ),
    );
}

async function importFolder(folder: string, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, interrupted } = surroundings;
  const address = await findAddress(options, surroundings);
  const server = new Server(address.url, address.apiKey, interrupted);
  if (err.isTTY) printLine(err, `Reading and hashing ${folder}`);
  const material = await readRun({ ...options, folder });
  const runId = options.run ?? importedRunId(material, await whoAmI(server));
  const before = await readSealedRun(server, runId);
  requireSameStart(before, options);
  const events = buildEvents(material, runId, before.attempts);
  const { fresh, known, toldOtherwise } = subtractSealed(events, before);
  const staysFailed = material.isFinished && hasFailedBefore(events, before);
  const sent = await sendEvents(fresh, { address, err, interrupted });
  // Attempts that an earlier import began are not among the events any more, yet the folder still tells them.
  const begun = Math.min(before.attempts.length, material.attempts.length);
  const endSeq = fresh.at(-1) === events.at(-1) ? sent.lastSeq : before.endSeq;
  const result: ImportResult = {
    run_id: runId,
    state: material.isFinished && !staysFailed ? 'finished' : 'failed',
    overall: await findOverall(address, { run: runId, endSeq }, interrupted),
    events: begun + events.length,
    sealed: sent.sealed,
    duplicates: begun + events.length - sent.sealed,
    ...reportOn(material),
    notes: notesOf(material, before, { known, toldOtherwise, staysFailed }),
  };
  if (options.json) printJson(out, result);
  else printResult(out, folder, result);
  return YES;
}

async function whoAmI(server: Server): Promise<string> {
  const { principal } = await server.getJson<{ principal?: unknown }>('/v1/whoami');
  if (typeof principal === 'string') return principal;
  throw new CliError(`${server.url}/v1/whoami names no principal. Is it a Runseal server?`, UNDETERMINED);
}

/** Whether the attempt that ends now was taken for broken off when the folder was imported too early. */
function hasFailedBefore(events: readonly SubmittedEvent[], { failedAttempts }: SealedRun): boolean {
  const ending = events.at(-1) as SubmittedEvent<'run.finished'>;
  return failedAttempts.has(ending.payload.attempt);
}

interface Known {
  readonly known: number;
  readonly toldOtherwise: number;
  readonly staysFailed: boolean;
}

function notesOf(
  { notes, facts }: RunMaterial,
  before: SealedRun,
  { known, toldOtherwise, staysFailed }: Known,
): string[] {
  const late = before.start !== null && before.startedAt === null && facts.has('started_at');
  return [
    ...notes,
    ...(known > 0 ? [`${count(known)} events were sealed by an earlier import`] : []),
    ...(toldOtherwise > 0
      ? [
          `${count(toldOtherwise)} rows were sealed from another of the folder's files, with equal values; they stay as they are`,
        ]
      : []),
    ...(staysFailed
      ? [
          'the run is sealed as broken off and stays failed: it was imported before its end; --run with a new id imports it whole',
        ]
      : []),
    ...(late ? ['the start is sealed without a time and stays so; started_at counts in another run only (--run)'] : []),
  ];
}

function printResult(out: Output, folder: string, result: ImportResult): void {
  const { run_id, overall, sealed, duplicates, found, missing, notes } = result;
  printLine(out, `Found in ${folder}:`);
  for (const line of found) printLine(out, `  ${line}`);
  if (notes.length > 0) printLine(out, 'To be known:');
  for (const line of notes) printLine(out, `  ${line}`);
  printLine(
    out,
    missing.length === 0 ? 'Nothing is missing that an audit asks for.' : 'Missing, and never taken for a pass:',
  );
  for (const line of missing) printLine(out, `  ${line}`);
  printLine(out, `Sealed ${count(sealed)} events of run ${run_id}; ${count(duplicates)} were there already.`);
  printLine(out, `Verdict: ${overall ?? 'none yet'}. ${overall ? 'Why' : 'Later'}: runseal why ${run_id}`);
}

function parseRunId(text: string): string {
  if (new RegExp(patterns.uuid).test(text)) return text;
  throw new InvalidArgumentError('Wanted a UUID, lower-case with hyphens.');
}
