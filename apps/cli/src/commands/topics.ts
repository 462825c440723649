import type { Command } from 'commander';
import { applyTopics, checkTopics, type AppliedTopics, type TopicDifference } from '@runseal/messaging';
import { parseBrokers } from '../brokers.js';
import type { Run } from '../command.js';
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

interface Options extends GlobalOptions {
  readonly brokers: string;
  readonly ssl?: boolean;
  readonly dryRun?: boolean;
}

export function declare(command: Command, run: Run): void {
  command.addHelpText('after', '\nExample:\n  runseal topics apply --brokers kafka-1:9092,kafka-2:9092');
  command
    .command('apply')
    .description('make the topics that are missing, and mend their settings')
    .requiredOption('--brokers <list>', 'host:port of some brokers, separated by commas')
    .option('--ssl', 'TLS to the brokers')
    .option('--dry-run', 'change nothing; say what would change')
    .addHelpText(
      'after',
      '\nExit codes: 0 the topics are as they should be, 1 something is left that no command mends, 2 it could not look.',
    )
    .action(run((surroundings, _options: unknown, self: Command) => apply(self.optsWithGlobals(), surroundings)));
}

/** Idempotent. Never changes a number of partitions, since keys would go elsewhere from then on, and never deletes a topic. */
async function apply(options: Options, { out }: Surroundings): Promise<ExitCode> {
  const kafka = { brokers: parseBrokers(options.brokers), ssl: options.ssl === true, clientId: 'runseal-cli' };
  const applied: AppliedTopics = await tellFailure(async () =>
    options.dryRun ? { created: [], mended: [], left: await checkTopics(kafka) } : await applyTopics(kafka),
  );
  const { created, mended, left } = applied;
  if (options.json) {
    printJson(out, applied);
  } else {
    for (const topic of created) printLine(out, `made ${topic}`);
    for (const difference of mended) printLine(out, `mended ${describe(difference)}`);
    for (const difference of left) printLine(out, `differs: ${describe(difference)}${adviceOf(difference)}`);
    if (left.length === 0) printLine(out, 'The topics are as they should be.');
  }
  return left.length === 0 ? YES : NO;
}

function describe({ topic, what, found, wanted }: TopicDifference): string {
  return what === 'topic' ? `${topic} is missing` : `${topic}: ${what} is ${found}, wanted ${wanted}`;
}

function adviceOf({ canApply }: TopicDifference): string {
  return canApply ? '' : '. Delete the topic and apply again: readers take from the ledger what it held';
}

async function tellFailure<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(
      `${message.replace(/\.$/, '')}. Check --brokers, and that they let this machine in.`,
      UNDETERMINED,
      {
        cause,
      },
    );
  }
}
