import { type Command } from 'commander';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
import { printJson, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';

export function declare(command: Command, run: Run): void {
  command
    .argument('<run>', 'id, its beginning, or name')
    .addHelpText(
      'after',
      '\nPrints YAML; JSON with --json.\n\nExample:\n  runseal audit-record support-lora-r8 > record.yaml',
    )
    .action(
      run((surroundings, given: string, _options: unknown, self: Command) =>
        printRecord(given, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function printRecord(given: string, options: GlobalOptions, surroundings: Surroundings): Promise<ExitCode> {
  const server = await openServer(options, surroundings);
  const path = `/v1/runs/${await findRun(server, given)}/audit-record`;
  if (options.json) printJson(surroundings.out, await server.getJson(path));
  else surroundings.out.write(await server.getText(path, 'application/yaml'));
  return YES;
}
