import { Argument, type Command } from 'commander';
import { findDemo, tamper, undo } from '../demo/tamper.js';
import { actions, type Action } from '../demo/tampering.js';
import type { Run } from '../command.js';
import {
  CliError,
  printJson,
  printLine,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';

interface Options extends GlobalOptions {
  readonly undo?: boolean;
}

export function declare(command: Command, run: Run): void {
  command.addHelpText('after', '\nExample:\n  runseal demo tamper edit');
  command
    .command('tamper')
    .description("change the embedded demo's database as its superuser, so that verify finds it")
    .addArgument(new Argument('[action]', 'what to do to it').choices(actions))
    .option('--undo', 'put everything back')
    .addHelpText('after', '\nExample:\n  runseal demo tamper edit; runseal verify; runseal demo tamper edit --undo')
    .action(
      run((surroundings, action: Action | undefined, _options: Options, self: Command) =>
        tamperWithDemo(action, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function tamperWithDemo(
  action: Action | undefined,
  options: Options,
  { out, folder }: Surroundings,
): Promise<ExitCode> {
  const demo = await findDemo(folder);
  if (options.undo) {
    const undone = await undo(demo);
    if (options.json) printJson(out, { undone });
    else printLine(out, `Undone: ${undone}. Now type:\n\n  runseal verify\n${undone === 'tail' ? RESTART : ''}`);
    return YES;
  }
  if (action === undefined) throw new CliError(`Say what to do: ${actions.join(', ')}, or --undo.`);
  const sql = await tamper(demo, action);
  if (options.json) printJson(out, { action, sql });
  else {
    printLine(out, `Done as the superuser of the database:\n\n${sql.join('\n')}\n\nNow type:\n\n  runseal verify\n`);
    printLine(out, `To put it back: runseal demo tamper ${action} --undo`);
  }
  return YES;
}

const RESTART = '\nThe server may have seen that records were gone and signs no more heads: restart it.\n';
