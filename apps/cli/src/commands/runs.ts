import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Page, RunItem } from '@runseal/lineage';
import { openServer } from '../open-server.js';
import type { Run } from '../run-cli.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';
import { cell, textTable } from '../text-table.js';

interface Options extends GlobalOptions {
  readonly state?: string;
  readonly experiment?: string;
  readonly query?: string;
  readonly sort: string;
  readonly limit: number;
}

export function declare(command: Command, run: Run): void {
  command
    .addOption(new Option('--state <state>', 'only these').choices(['running', 'finished', 'failed', 'killed', 'lost']))
    .option('--experiment <name>', 'only of this experiment')
    .option('-q, --query <text>', 'only those with this text in id, name, experiment or model')
    .option(
      '--sort <column>',
      'newest_seq, started_at, ended_at, name, final_loss, eval_loss; - in front: descending',
      '-newest_seq',
    )
    .option('--limit <count>', 'at most so many', parseLimit, 20)
    .addHelpText('after', '\nExample:\n  runseal runs --state finished --sort eval_loss')
    .action(run((surroundings, _options: unknown, self: Command) => listRuns(self.optsWithGlobals(), surroundings)));
}

async function listRuns(options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { state, experiment, query: q, sort, limit } = options;
  const given = Object.entries({ state, experiment, q, sort, limit: String(limit) }).filter(([, value]) => value);
  const query = new URLSearchParams(given as [string, string][]);
  const page = await (await openServer(options, surroundings)).getJson<Page<RunItem>>(`/v1/runs?${query.toString()}`);
  if (options.json) {
    printJson(surroundings.out, page);
    return YES;
  }
  if (page.items.length === 0) printLine(surroundings.err, 'No runs.');
  else printLine(surroundings.out, textTable(HEADINGS, page.items.map(rowOf)));
  if (page.next_cursor !== null) printLine(surroundings.err, `There are more: --limit ${limit * 2}`);
  return YES;
}

const HEADINGS = ['RUN', 'NAME', 'EXPERIMENT', 'STATE', 'VERDICT', 'STEP', 'LOSS', 'EVAL LOSS', 'ENDED'];

function rowOf(run: RunItem): string[] {
  const { step, total } = run.progress;
  return [
    run.run_id,
    cell(run.name),
    cell(run.experiment),
    run.faults > 0 ? `${run.state} (${run.faults} ${run.faults === 1 ? 'fault' : 'faults'})` : run.state,
    run.overall ?? 'not judged',
    step === null ? '-' : `${step}${total === null ? '' : `/${total}`}`,
    cell(run.final_loss),
    cell(run.eval_loss),
    cell(run.ended_at),
  ];
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 1_000) throw new InvalidArgumentError('Wanted 1 to 1000.');
  return limit;
}
