import { type Command } from 'commander';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import type { Run } from '../run-cli.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';

interface Options extends GlobalOptions {
  readonly reason: string;
}

export function declare(command: Command, run: Run): void {
  command
    .argument('<run>', 'id, its beginning, or name')
    .requiredOption('--reason <text>', 'why the warnings of its newest verdict are acceptable')
    .addHelpText(
      'after',
      '\nNeeds the key of a person with the scope approve.\n\nExample:\n  runseal accept-warnings support-lora-r8 --reason "small evaluation set, gap within its noise"',
    )
    .action(
      run((surroundings, given: string, _options: unknown, self: Command) =>
        accept(given, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function accept(given: string, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const server = await openServer(options, surroundings);
  const run = await findRun(server, given);
  const answer = await server.post<object>(`/v1/runs/${run}/warnings/accept`, { reason: options.reason });
  if (options.json) printJson(surroundings.out, answer);
  else printLine(surroundings.out, `The warnings of run ${run} are accepted, in your name.`);
  return YES;
}
