import { type Command } from 'commander';
import type { Page } from '@runseal/lineage';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import type { Run } from '../run-cli.js';
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
import { explainVerdict, type VerdictAnswer } from '../verdict-text.js';

export function declare(command: Command, run: Run): void {
  command
    .argument('<run>', 'id, its beginning, or name')
    .option('--evaluate', 'judge it now: after a policy or a baseline has changed')
    .addHelpText(
      'after',
      '\nExit code 1 where the run is blocked, 2 where it is not judged.\n\nExample:\n  runseal why support-lora-r8',
    )
    .action(
      run((surroundings, given: string, _options: unknown, self: Command) =>
        explain(given, self.optsWithGlobals(), surroundings),
      ),
    );
}

interface Options extends GlobalOptions {
  readonly evaluate?: boolean;
}

async function explain(given: string, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const server = await openServer(options, surroundings);
  const run = await findRun(server, given);
  if (options.evaluate) await server.post(`/v1/runs/${run}/gates/evaluate`, {});
  const { items } = await server.getJson<Page<VerdictAnswer>>(`/v1/runs/${run}/gates?limit=1`);
  const [newest] = items;
  if (!newest) {
    const words = `Run ${run} is not judged: gates judge when a run ends. Now: runseal why ${run} --evaluate`;
    throw new CliError(words, UNDETERMINED);
  }
  if (options.json) printJson(surroundings.out, newest);
  else printLine(surroundings.out, explainVerdict(newest));
  return newest.overall === 'blocked' ? NO : YES;
}
