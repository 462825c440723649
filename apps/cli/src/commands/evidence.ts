import { InvalidArgumentError, type Command } from 'commander';
import { findAddress } from '../credentials.js';
import { writeNewFile } from '../new-file.js';
import type { Run } from '../command.js';
import { ProblemError, Server, UnreachableError } from '../server.js';
import {
  CliError,
  NO,
  printJson,
  printLine,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';

/** Heads come at least every 10 s while a ledger grows. */
const HEAD_LIMIT_MS = 15_000;
const ASKED_EVERY_MS = 500;

interface Options extends GlobalOptions {
  readonly output?: string;
}

export function declare(command: Command, run: Run): void {
  command
    .argument('<seq>', "the record's sequence number", parseSeq)
    .option('-o, --output <file>', 'where to; else to standard output')
    .addHelpText(
      'after',
      '\nExample:\n  runseal evidence 17 -o record-17.json && runseal verify --evidence record-17.json',
    )
    .action(
      run((surroundings, seq: number, _options: Options, self: Command) =>
        fetchEvidence(seq, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function fetchEvidence(seq: number, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, interrupted } = surroundings;
  const { url, apiKey } = await findAddress(options, surroundings);
  const evidence = await waitForEvidence(new Server(url, apiKey, interrupted), seq, (line) => printLine(err, line));
  if (options.output === undefined) {
    out.write(evidence);
    return YES;
  }
  await writeNewFile(options.output, [evidence]);
  if (options.json) printJson(out, { file: options.output, seq });
  else
    printLine(
      err,
      `${options.output}: evidence of record ${seq}. Check it offline: runseal verify --evidence ${options.output}`,
    );
  return YES;
}

async function waitForEvidence(server: Server, seq: number, say: (line: string) => void): Promise<string> {
  const deadline = Date.now() + HEAD_LIMIT_MS;
  for (let asked = 0; ; asked++) {
    try {
      return await server.getText(`/v1/records/${seq}/evidence`);
    } catch (error) {
      if (error instanceof ProblemError && error.status === 404) {
        throw new CliError(`There is no record ${seq} in this ledger.`, NO, { cause: error });
      }
      if (!(error instanceof UnreachableError) || error.code !== 'not_signed_yet') throw error;
      // There is no proof yet, and none that there will be: that is not "no".
      if (Date.now() > deadline) throw new CliError(error.message, 2, { cause: error });
      if (asked === 0) say(`Record ${seq} is not under a signed head yet; waiting up to ${HEAD_LIMIT_MS / 1000} s.`);
      await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
    }
  }
}

function parseSeq(text: string): number {
  const seq = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seq))
    throw new InvalidArgumentError('Wanted a whole number from 0 on.');
  return seq;
}
