import { type Command } from 'commander';
import type { AcceptedAnswer, VerdictAnswer } from '@runseal/gates';
import type { Page } from '@runseal/lineage';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
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
import { wrap } from '../text-table.js';
import { gatesLine } from '../verdict-text.js';

interface Options extends GlobalOptions {
  readonly reason: string;
  readonly verdict?: string;
}

export function declare(command: Command, run: Run): void {
  command
    .argument('<run>', 'id, its beginning, or name')
    .requiredOption('--reason <text>', 'why the warnings of its newest verdict are acceptable')
    .option('--verdict <id>', 'the verdict that you have read; else the newest')
    .addHelpText(
      'after',
      '\nNeeds the key of a person with the scope approve. A later verdict is not accepted by it.\n\n' +
        'Example:\n  runseal accept-warnings support-lora-r8 --reason "small evaluation set, gap within its noise"',
    )
    .action(
      run((surroundings, given: string, _options: unknown, self: Command) =>
        accept(given, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function accept(given: string, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out } = surroundings;
  const { reason } = options;
  const server = await openServer(options, surroundings);
  const run = await findRun(server, given);
  const { items } = await server.getJson<Page<VerdictAnswer>>(`/v1/runs/${run}/gates?limit=1`);
  const [newest] = items;
  if (!newest) throw new CliError(`Run ${run} is not judged, so there is nothing to accept.`, NO);
  // Named, so that a verdict which comes in between is not accepted unseen.
  const verdict = options.verdict ?? newest.verdict_id;
  const answer = await server.post<AcceptedAnswer>(`/v1/runs/${run}/warnings/accept`, { reason, verdict });
  if (options.json) printJson(out, answer);
  else {
    printLine(out, wrap(`The warnings of run ${run} are accepted by ${answer.by}, in record ${answer.seq}.`));
    printLine(out, `  ${gatesLine(newest.gates)}`);
  }
  return YES;
}
