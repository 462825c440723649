import { type Command } from 'commander';
import type { CompareAnswer, ComparedSection } from '@runseal/lineage';
import { findRun } from '../find-run.js';
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
import { cell, plain, short, shortDigest, textTable } from '../text-table.js';

const RUNS_MAX = 20;

export function declare(command: Command, run: Run): void {
  command
    .argument('<runs...>', '2 to 20 runs: ids, their beginnings, or names')
    .addHelpText('after', '\nExample:\n  runseal compare lora-r8 lora-r16')
    .action(
      run((surroundings, given: string[], _options: unknown, self: Command) =>
        compare(given, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function compare(
  given: readonly string[],
  options: GlobalOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (given.length < 2 || given.length > RUNS_MAX) {
    throw new CliError(`Found ${given.length} ${given.length === 1 ? 'run' : 'runs'}, wanted 2 to ${RUNS_MAX}.`);
  }
  const server = await openServer(options, surroundings);
  const ids = await Promise.all(given.map((one) => findRun(server, one)));
  const query = ids.map((id) => `id=${id}`).join('&');
  const answer = await server.getJson<CompareAnswer>(`/v1/runs/compare?${query}`);
  if (options.json) printJson(surroundings.out, answer);
  else printLine(surroundings.out, describe(answer));
  return YES;
}

function describe({ runs, parameters, metrics, inputs, environment }: CompareAnswer): string {
  const names = runs.map(({ name, run_id }) => (name === null ? run_id.slice(0, 13) : cell(name, 24)));
  const outcome: ComparedSection = {
    differing: [
      { name: 'state', values: runs.map((run) => run.state) },
      { name: 'verdict', values: runs.map((run) => run.overall ?? 'not judged') },
    ],
    same: 0,
  };
  const sections = Object.entries({ outcome, metrics, parameters, inputs, environment });
  return sections.map(([title, section]) => describeSection(title, section, names)).join('\n\n');
}

function describeSection(title: string, { differing, same }: ComparedSection, names: readonly string[]): string {
  const alike = same > 0 ? `${same} alike` : '';
  if (differing.length === 0) return `${title}: no difference${alike && `, ${alike}`}`;
  return textTable(
    [`${title}${alike && ` (${alike})`}`, ...names],
    differing.map(({ name, values }) => [cell(name), ...values.map((value) => shortValue(value, names.length))]),
  );
}

/** The more runs, the less of each value. */
function shortValue(value: unknown, runs: number): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'number') return short(value);
  const text = plain(typeof value === 'string' ? value : JSON.stringify(value));
  return /^sha256:[0-9a-f]{64}$/.test(text) ? shortDigest(text) : cell(text, runs > 2 ? 24 : 32);
}
