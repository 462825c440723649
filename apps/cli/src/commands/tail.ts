import { InvalidArgumentError, type Command } from 'commander';
import { findAddress } from '../credentials.js';
import { readPage, readPages } from '../record-pages.js';
import type { Run } from '../command.js';
import { Server } from '../server.js';
import {
  CliError,
  printJson,
  printLine,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Output,
  type Surroundings,
} from '../surroundings.js';

const ASKED_EVERY_MS = 1_000;

interface Options extends GlobalOptions {
  readonly stream?: string;
  readonly type?: string;
  readonly from?: number;
}

export function declare(command: Command, run: Run): void {
  command
    .option('--stream <stream>', 'only records of this stream, such as run/0192…')
    .option('--type <type>', 'only records of this event type, such as run.finished')
    .option('--from <seq>', 'start at this record; else with what is sealed from now on', parseSeq)
    .addHelpText('after', '\nExample:\n  runseal tail --type run.finished --from 0\n\nEnds with Ctrl-C.')
    .action(run((surroundings, _options: Options, self: Command) => follow(self.optsWithGlobals(), surroundings)));
}

/** Asks every second and prints what is new, until it is interrupted. Every record after the start is printed once. */
async function follow(options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out, interrupted } = surroundings;
  const { url, apiKey, credentials } = await findAddress(options, surroundings);
  const server = new Server(url, apiKey, interrupted);
  const { stream, type } = options;
  try {
    const ledger = credentials?.log?.split('/')[1] ?? 'default';
    let after = (options.from ?? (await findEnd(server, ledger))) - 1;
    while (!interrupted.aborted) {
      for await (const { items, last } of readPages(server, { after, stream, type })) {
        for (const item of items) print(out, item, options.json === true);
        after = last;
      }
      await pause(interrupted);
    }
    return YES;
  } catch (error) {
    // Ctrl-C cuts the question under way: that is the way to end this command.
    if (interrupted.aborted && error instanceof CliError) return YES;
    throw error;
  }
}

/** The ledger's size: its newest head's, and what was sealed since. */
async function findEnd(server: Server, ledger: string): Promise<number> {
  const note = await server.findText(`/v1/log/${encodeURIComponent(ledger)}/checkpoint`);
  const size = Number(note?.split('\n')[1] ?? 0);
  let last = (Number.isSafeInteger(size) ? size : 0) - 1;
  for (let page = await readPage(server, { after: last }); page.items.length > 0;) {
    last = page.last;
    page = await readPage(server, { after: last });
  }
  return last + 1;
}

interface Shown {
  readonly seq: number;
  readonly envelope: string;
}

function print(out: Output, item: unknown, asJson: boolean): void {
  if (asJson) return printJson(out, item);
  const { seq, envelope } = item as Shown;
  printLine(out, `${String(seq).padStart(9)}  ${describe(envelope)}`);
}

function describe(text: string): string {
  try {
    const { sealed_at, type, stream } = JSON.parse(text) as Record<string, unknown>;
    return `${String(sealed_at)}  ${String(type).padEnd(24)}  ${String(stream)}`;
  } catch {
    return 'has no readable envelope: run "runseal verify"'; // somebody changed it, and following goes on
  }
}

function pause(interrupted: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      interrupted.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ASKED_EVERY_MS);
    interrupted.addEventListener('abort', end);
    if (interrupted.aborted) end();
  });
}

function parseSeq(text: string): number {
  const seq = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seq))
    throw new InvalidArgumentError('Wanted a whole number from 0 on.');
  return seq;
}
