import type { Command } from 'commander';
import type { CommandAnswer } from '@runseal/registry';
import { openServer } from '../open-server.js';
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
import { parseVersion } from './promote.js';

export function declare(command: Command, run: Run): void {
  command
    .argument('<model>', 'the model')
    .argument('<version>', 'the version', parseVersion)
    .argument('<tags...>', 'name=value; name= takes the tag away')
    .addHelpText(
      'after',
      '\nEvery value stays in the ledger, the one that was replaced too.\n\n' +
        'Example:\n  runseal tag support 4 owner=nlp-team intended_use="answers to customers" risk_class=limited personal_data=none',
    )
    .action(
      run((surroundings, ...[model, version, tags, , self]: [string, number, string[], unknown, Command]) =>
        setTags({ model, version, tags }, self.optsWithGlobals(), surroundings),
      ),
    );
}

interface Tagging {
  readonly model: string;
  readonly version: number;
  readonly tags: readonly string[];
}

async function setTags(
  { model, version, tags }: Tagging,
  options: GlobalOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { out } = surroundings;
  const body = { tags: Object.fromEntries(tags.map(parseTag)) };
  const server = await openServer(options, surroundings);
  const path = `/v1/models/${encodeURIComponent(model)}/versions/${version}/tags`;
  const answer = await server.post<CommandAnswer>(path, body);
  if (options.json) printJson(out, answer);
  else printLine(out, `Sealed in record ${answer.receipts.at(-1)?.seq}. See runseal models ${model} ${version}.`);
  return YES;
}

function parseTag(text: string): [string, string | null] {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError(`"${text}" is no tag, wanted name=value.`);
  return [text.slice(0, at), text.slice(at + 1) || null];
}
