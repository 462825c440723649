import { type Command } from 'commander';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';

interface Options extends GlobalOptions {
  readonly model: string;
  readonly run: string;
  readonly reason: string;
}

export function declare(command: Command, run: Run): void {
  command.addHelpText(
    'after',
    '\nExample:\n  runseal baseline set --model support --run lora-r8 --reason "first release"',
  );
  command
    .command('set')
    .description("compare a model's later runs with this run")
    .requiredOption('--model <name>', 'the model')
    .requiredOption('--run <run>', 'the run whose metrics become the baseline: id, its beginning, or name')
    .requiredOption('--reason <text>', 'why')
    .addHelpText(
      'after',
      '\nNeeds the scope policy:write.\n\nExample:\n  runseal baseline set --model support --run lora-r8 --reason "first release"',
    )
    .action(run((surroundings, _options: unknown, self: Command) => setBaseline(self.optsWithGlobals(), surroundings)));
}

async function setBaseline(options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const server = await openServer(options, surroundings);
  const { model, reason } = options;
  const id = await findRun(server, options.run);
  const answer = await server.post<object>('/v1/baselines', { model, run: id, reason });
  if (options.json) printJson(surroundings.out, answer);
  else printLine(surroundings.out, `Runs for model ${model} are compared with run ${id} from now on.`);
  return YES;
}
