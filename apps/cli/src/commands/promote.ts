import { InvalidArgumentError, Option, type Command } from 'commander';
import type { CommandAnswer } from '@runseal/registry';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';
import { tellUnmet } from '../unmet-text.js';

interface Options extends GlobalOptions {
  readonly to: string;
  readonly reason: string;
}

export function declare(command: Command, run: Run): void {
  command
    .argument('<model>', 'the model')
    .argument('<version>', 'the version', parseVersion)
    .addOption(
      new Option('--to <stage>', 'the stage asked for')
        .choices(['Candidate', 'Staging', 'Production', 'Archived'])
        .makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', 'why')
    .addHelpText(
      'after',
      '\nStaging opens the review; Production then waits for two approvals by other persons.\n\nExample:\n  runseal promote support 4 --to Staging --reason "replaces version 3"',
    )
    .action(
      run((surroundings, ...[model, version, , self]: [string, number, unknown, Command]) =>
        promote({ model, version }, self.optsWithGlobals(), surroundings),
      ),
    );
}

interface VersionName {
  readonly model: string;
  readonly version: number;
}

async function promote(of: VersionName, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { to, reason } = options;
  const server = await openServer(options, surroundings);
  const path = `/v1/models/${encodeURIComponent(of.model)}/versions/${of.version}/transitions`;
  const answer = await server.post<CommandAnswer>(path, { to, reason }).catch(tellUnmet);
  if (options.json) printJson(surroundings.out, answer);
  else printLine(surroundings.out, describe(of, answer.version));
  return YES;
}

function describe({ model, version }: VersionName, now: CommandAnswer['version']): string {
  if (now === null) return `Sealed. See runseal models ${model} ${version}.`;
  if (now.open_request === null) return `${model} version ${version} is at ${now.stage}.`;
  return (
    `${model} version ${version} stays at ${now.stage} until two persons who had no part in it approve request ${now.open_request}:\n` +
    `  runseal approve ${model} ${version} --reason "..."`
  );
}

/** A version's number: 1, 2, ... */
export function parseVersion(text: string): number {
  const version = Number(text);
  if (!/^\d+$/.test(text) || version < 1 || !Number.isSafeInteger(version)) {
    throw new InvalidArgumentError('Wanted a whole number from 1 on.');
  }
  return version;
}
