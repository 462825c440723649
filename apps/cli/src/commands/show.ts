import { type Command } from 'commander';
import type { VerdictAnswer } from '@runseal/gates';
import type { MetricsAnswer, Page, ResourcesAnswer, RunAnswer } from '@runseal/lineage';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import { paintFor } from '../paint.js';
import type { Run } from '../command.js';
import { ProblemError } from '../server.js';
import { DRAWN, showText } from '../show-text.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';

/** More than a terminal is wide: the curves are drawn from means. */
const POINTS = 400;
/** The fewest that the server gives; of the other metrics only the newest value is shown, of the machine peaks and means. */
const OTHER_POINTS = 10;

export function declare(command: Command, run: Run): void {
  command
    .argument('<run>', 'id, its beginning, or name')
    .addHelpText('after', '\nExample:\n  runseal show support-lora-r8')
    .action(
      run((surroundings, given: string, _options: unknown, self: Command) =>
        show(given, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function show(given: string, options: GlobalOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { out } = surroundings;
  const server = await openServer(options, surroundings);
  const id = await findRun(server, given);
  const metricsOf = (query: string) => server.getJson<MetricsAnswer>(`/v1/runs/${id}/metrics?${query}`);
  const [run, metrics, { summary: resources }, verdicts] = await Promise.all([
    server.getJson<RunAnswer>(`/v1/runs/${id}`),
    metricsOf(`${DRAWN.map((key) => `key=${key}`).join('&')}&points=${POINTS}`),
    server.getJson<ResourcesAnswer>(`/v1/runs/${id}/resources?metric=cpu_percent&points=${OTHER_POINTS}`),
    server.getJson<Page<VerdictAnswer>>(`/v1/runs/${id}/gates?limit=1`).catch(noVerdict),
  ]);
  const verdict = verdicts.items[0] ?? null;
  if (options.json) printJson(out, { run, metrics, verdict, resources });
  else {
    const others = await metricsOf(`points=${OTHER_POINTS}`);
    printLine(out, showText({ run, metrics, others, verdict, resources }, paintFor(out)));
  }
  return YES;
}

/** Gates may not have read as far as lineage has. */
function noVerdict(error: unknown): Page<VerdictAnswer> {
  if (error instanceof ProblemError && error.status === 404) return { items: [], next_cursor: null };
  throw error;
}
