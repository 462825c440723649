import { type Command } from 'commander';
import type { CommandAnswer } from '@runseal/registry';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';
import { tellUnmet, unmetText } from '../unmet-text.js';
import { parseVersion } from './promote.js';

interface Options extends GlobalOptions {
  readonly request?: string;
  readonly meaning: string;
  readonly reason: string;
  readonly refuse?: boolean;
}

export function declare(command: Command, run: Run): void {
  command
    .argument('<model>', 'the model')
    .argument('<version>', 'the version', parseVersion)
    .requiredOption('--reason <text>', 'why')
    .option('--meaning <text>', 'what your signature means: review, approval, responsibility, ...', 'approval')
    .option('--request <id>', 'the request; else the open one')
    .option('--refuse', 'say no, which closes the request')
    .addHelpText(
      'after',
      '\nNeeds the key of a person with the scope approve, who neither started the run, nor overrode a gate, nor asked.\n\n' +
        'Example:\n  runseal --key "$ADAS_KEY" approve support 4 --reason "read 40 answers and the audit record"',
    )
    .action(
      run((surroundings, ...[model, version, , self]: [string, number, unknown, Command]) =>
        decide({ model, version }, self.optsWithGlobals(), surroundings),
      ),
    );
}

interface VersionName {
  readonly model: string;
  readonly version: number;
}

async function decide(of: VersionName, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { request, meaning, reason, refuse } = options;
  const server = await openServer(options, surroundings);
  const path = `/v1/models/${encodeURIComponent(of.model)}/versions/${of.version}/approvals`;
  const body = { ...(request ? { request } : {}), decision: refuse ? 'refuse' : 'approve', meaning, reason };
  const answer = await server.post<CommandAnswer>(path, body).catch(tellUnmet);
  if (options.json) printJson(surroundings.out, answer);
  else printLine(surroundings.out, describe(of, answer.version, refuse === true));
  return YES;
}

function describe({ model, version }: VersionName, now: CommandAnswer['version'], isRefused: boolean): string {
  const said = isRefused ? 'Refused; the request is closed.' : 'Approved.';
  if (now === null) return `${said} See runseal models ${model} ${version}.`;
  const waits = now.open_request === null || now.next === null ? '' : `\nIn the way of ${now.next.to}:\n`;
  return `${said} ${model} version ${version} is at ${now.stage}.${waits}${waits && unmetText(now.next?.unmet ?? [])}`;
}
