import { InvalidArgumentError, Option, type Command } from 'commander';
import type { EdgeClass, GraphAnswer, GraphNode } from '@runseal/lineage';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
import type { Server } from '../server.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';
import { paintFor, type Paint } from '../paint.js';
import { cell, textTable } from '../text-table.js';

interface Options extends GlobalOptions {
  readonly depth?: number;
  readonly class: readonly EdgeClass[];
  readonly asOf?: string;
}

const DIRECTIONS = { ancestry: 'Came from', descendants: 'Went into' } as const;

export function declare(command: Command, run: Run): void {
  command
    .argument('<digest-or-run>', 'sha256:<64 hex>, or a run: id, its beginning, or name')
    .option('--depth <edges>', 'no further than so many edges', parseDepth)
    .addOption(
      new Option('--class <classes...>', 'which edges to walk')
        .choices(['influence', 'governance', 'release'])
        .default(['influence']),
    )
    .option('--as-of <seq-or-time>', 'as it was then')
    .addHelpText('after', '\nExample:\n  runseal lineage support-lora-r8 --class influence governance')
    .action(
      run((surroundings, given: string, _options: unknown, self: Command) =>
        printLineage(given, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function printLineage(given: string, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const server = await openServer(options, surroundings);
  const start = given.includes(':') ? given : await findRun(server, given);
  const [ancestry, descendants] = await Promise.all([
    walk(server, start, 'ancestry', options),
    walk(server, start, 'descendants', options),
  ]);
  if (options.json) {
    printJson(surroundings.out, { ancestry, descendants });
    return YES;
  }
  const { out } = surroundings;
  const paint = paintFor(out);
  printLine(out, [titleOf(ancestry), describe(ancestry, paint), describe(descendants, paint)].join('\n\n'));
  return YES;
}

function walk(
  server: Server,
  start: string,
  direction: keyof typeof DIRECTIONS,
  options: Options,
): Promise<GraphAnswer> {
  const query = new URLSearchParams(options.class.map((one): [string, string] => ['class', one]));
  if (options.depth !== undefined) query.set('depth', String(options.depth));
  if (options.asOf !== undefined) query.set('as_of', options.asOf);
  return server.getJson(`/v1/artifacts/${encodeURIComponent(start)}/${direction}?${query.toString()}`);
}

function titleOf({ start, nodes, classes }: GraphAnswer): string {
  const label = nodes.find((node) => node.id === start)?.label;
  return `${label === undefined || label === start ? '' : `${cell(label)}, `}${start}, by edges of ${classes.join(' and ')}`;
}

function describe(answer: GraphAnswer, paint: Paint): string {
  const { direction, nodes, edges, start, total, truncated, truncated_by } = answer;
  const others = nodes.filter((node) => node.id !== start);
  if (others.length === 0) return `${DIRECTIONS[direction]}: nothing that the ledger knows of`;
  const cut = truncated ? `, cut off by ${truncated_by.join(' and ')}: ${others.length} of ${total - 1} shown` : '';
  const rows = others.map((node) => [
    String(node.depth),
    node.kind === 'artifact' && node.detail !== null ? cell(node.detail) : node.kind.replace('_', ' '),
    cell(node.label),
    factsOf(node, paint),
    edgesOf(node, direction, edges),
    `record ${node.first_seq}`,
  ]);
  return `${DIRECTIONS[direction]} (${others.length}${cut})\n${textTable(['EDGES', 'KIND', 'NAME', '', 'BY', 'SINCE'], rows)}`;
}

function factsOf({ kind, detail, state, stage, overall }: GraphNode, paint: Paint): string {
  const facts = [kind === 'artifact' ? null : detail, state, stage, overall].filter((fact) => fact !== null);
  return facts.map((fact) => paint(cell(fact))).join(', ');
}

/** How the node hangs together with the ones nearer to the start. */
function edgesOf(node: GraphNode, direction: keyof typeof DIRECTIONS, edges: GraphAnswer['edges']): string {
  const along = edges.filter((edge) => (direction === 'ancestry' ? edge.from : edge.to) === node.id);
  // A file and its folder lead to one another, whichever way is walked.
  const own = along.length > 0 ? along : edges.filter(({ from, to }) => from === node.id || to === node.id);
  return [...new Set(own.map((edge) => edge.kind.replaceAll('_', ' ')))].join(', ');
}

function parseDepth(text: string): number {
  const depth = Number(text);
  if (!/^\d+$/.test(text) || depth < 1) throw new InvalidArgumentError('Wanted a whole number from 1 on.');
  return depth;
}
