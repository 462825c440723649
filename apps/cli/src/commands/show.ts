import { type Command } from 'commander';
import type { MetricsAnswer, Page, RunAnswer } from '@runseal/lineage';
import { findRun } from '../find-run.js';
import { openServer } from '../open-server.js';
import type { Run } from '../run-cli.js';
import { ProblemError } from '../server.js';
import { showText } from '../show-text.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';
import type { VerdictAnswer } from '../verdict-text.js';

/** More than a terminal is wide: the curves are drawn from means. */
const POINTS = 400;

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
  const server = await openServer(options, surroundings);
  const id = await findRun(server, given);
  const keys = ['loss', 'eval_loss', 'learning_rate', 'grad_norm'].map((key) => `key=${key}`).join('&');
  const [run, metrics, verdicts] = await Promise.all([
    server.getJson<RunAnswer>(`/v1/runs/${id}`),
    server.getJson<MetricsAnswer>(`/v1/runs/${id}/metrics?${keys}&points=${POINTS}`),
    server.getJson<Page<VerdictAnswer>>(`/v1/runs/${id}/gates?limit=1`).catch(noVerdict),
  ]);
  const verdict = verdicts.items[0] ?? null;
  if (options.json) printJson(surroundings.out, { run, metrics, verdict });
  else printLine(surroundings.out, showText(run, metrics, verdict));
  return YES;
}

/** Gates may not have read as far as lineage has. */
function noVerdict(error: unknown): Page<VerdictAnswer> {
  if (error instanceof ProblemError && error.status === 404) return { items: [], next_cursor: null };
  throw error;
}
