import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Page, RunItem, RunSort } from '@runseal/lineage';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';
import { paintFor, type Paint } from '../paint.js';
import { cell, shortId, shortTime, textTable } from '../text-table.js';

interface Options extends GlobalOptions {
  readonly state?: string;
  readonly experiment?: string;
  readonly query?: string;
  readonly sort: string;
  readonly limit: number;
}

const SORTS: readonly RunSort[] = [
  ...(['newest_seq', 'first_seq', 'started_at', 'ended_at', 'duration_seconds'] as const),
  ...(['name', 'experiment', 'state', 'final_loss', 'eval_loss'] as const),
];

export function declare(command: Command, run: Run): void {
  command
    .addOption(new Option('--state <state>', 'only these').choices(['running', 'finished', 'failed', 'killed', 'lost']))
    .option('--experiment <name>', 'only of this experiment')
    .option('-q, --query <text>', 'only those with this text in id, name, experiment or model')
    .option('--sort <column>', `${SORTS.join(', ')}; - in front: descending`, parseSort, '-newest_seq')
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
  const { out, err } = surroundings;
  const paint = paintFor(out);
  if (page.items.length === 0) printLine(err, 'No runs.');
  else
    printLine(
      out,
      textTable(
        HEADINGS,
        page.items.map((run) => rowOf(run, paint)),
      ),
    );
  if (page.next_cursor !== null) printLine(err, 'There are more: say --limit, or --query with a part of a name.');
  return YES;
}

const HEADINGS = ['RUN', 'NAME', 'EXPERIMENT', 'STATE', 'VERDICT', 'STEP', 'LOSS', 'EVAL LOSS', 'ENDED'];

function rowOf(run: RunItem, paint: Paint): string[] {
  const { step, total } = run.progress;
  const faults = run.faults === 0 ? '' : `, ${run.faults} ${run.faults === 1 ? 'fault' : 'faults'}`;
  return [
    shortId(run.run_id),
    cell(run.name, 28),
    cell(run.experiment, 20),
    paint(run.state) + faults,
    paint(run.overall ?? '-'),
    step === null ? '-' : `${step}${total === null ? '' : `/${total}`}`,
    loss(run.final_loss),
    loss(run.eval_loss),
    shortTime(run.ended_at),
  ];
}

/** Four digits are enough to tell runs apart in a list. */
const loss = (value: RunItem['final_loss']): string =>
  typeof value === 'number' ? cell(Number(value.toPrecision(4))) : cell(value);

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 1_000) throw new InvalidArgumentError('Wanted 1 to 1000.');
  return limit;
}

function parseSort(text: string): string {
  if (SORTS.some((sort) => text === sort || text === `-${sort}`)) return text;
  throw new InvalidArgumentError(`Wanted one of ${SORTS.join(', ')}, with - in front for descending.`);
}
