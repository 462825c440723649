import { Option, type Command } from 'commander';
import type { EvaluationAnswer, VerdictAnswer } from '@runseal/gates';
import type { Page } from '@runseal/lineage';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import { paintFor } from '../paint.js';
import type { Run } from '../command.js';
import type { Server } from '../server.js';
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
import { explainVerdict } from '../verdict-text.js';

/** Verdicts before the newest that are named. */
const EARLIER_SHOWN = 5;

export function declare(command: Command, run: Run): void {
  command
    .argument('<run>', 'id, its beginning, or name')
    .option('--evaluate', 'judge it now: after a policy or a baseline has changed')
    .addOption(new Option('--as-of <seq-or-time>', 'as it was judged then').conflicts('evaluate'))
    .addHelpText(
      'after',
      '\nExit code 1 where the run is blocked, 2 where it is not judged. --evaluate needs the scope policy:write.\n\n' +
        'Examples:\n  runseal why support-lora-r8\n  runseal why support-lora-r8 --as-of 2026-01-26T12:00:00Z',
    )
    .action(
      run((surroundings, given: string, _options: unknown, self: Command) =>
        explain(given, self.optsWithGlobals(), surroundings),
      ),
    );
}

interface Options extends GlobalOptions {
  readonly evaluate?: boolean;
  readonly asOf?: string;
}

async function explain(given: string, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out } = surroundings;
  const server = await openServer(options, surroundings);
  const run = await findRun(server, given);
  // The answer is the verdict itself: the list may not have come as far yet.
  const evaluated = options.evaluate ? await server.post<EvaluationAnswer>(`/v1/runs/${run}/gates/evaluate`, {}) : null;
  const listed = await listVerdicts(server, run, options.asOf);
  const newest = evaluated ?? listed[0];
  if (!newest) {
    const when = options.asOf === undefined ? '' : ` as of ${options.asOf}`;
    const words = `Run ${run} is not judged${when}: gates judge when a run ends. Now: runseal why ${run} --evaluate`;
    throw new CliError(words, UNDETERMINED);
  }
  if (options.json) printJson(out, newest);
  else {
    const earlier = listed.filter(({ seq }) => seq < newest.seq).slice(0, EARLIER_SHOWN);
    printLine(out, explainVerdict(newest, earlier, paintFor(out)));
  }
  return newest.overall === 'blocked' ? NO : YES;
}

async function listVerdicts(server: Server, run: string, asOf: string | undefined): Promise<readonly VerdictAnswer[]> {
  const query = new URLSearchParams({
    limit: String(EARLIER_SHOWN + 1),
    ...(asOf === undefined ? {} : { as_of: asOf }),
  });
  const { items } = await server.getJson<Page<VerdictAnswer>>(`/v1/runs/${run}/gates?${query.toString()}`);
  return items;
}
