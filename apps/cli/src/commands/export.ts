import { exportHeaderLine, exportHeadLine, parseHead } from '@runseal/chain';
import type { Command } from 'commander';
import { findAddress } from '../credentials.js';
import { writeNewFile } from '../new-file.js';
import { openProgress, type Progress } from '../progress.js';
import { readPages } from '../record-pages.js';
import type { Run } from '../command.js';
import { Server } from '../server.js';
import {
  CliError,
  count,
  printJson,
  printLine,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';

interface Options extends GlobalOptions {
  readonly output?: string;
  readonly ledger?: string;
}

export function declare(command: Command, run: Run): void {
  command
    .option('-o, --output <file>', 'where to, gzipped if it ends in .gz; else to standard output')
    .option('--ledger <name>', 'the ledger, where it is not the one of the credentials or "default"')
    .addHelpText('after', '\nExample:\n  runseal export -o ledger.jsonl.gz && runseal verify --export ledger.jsonl.gz')
    .action(
      run((surroundings, _options: Options, self: Command) => exportLedger(self.optsWithGlobals(), surroundings)),
    );
}

/** Everything up to the newest signed head, which is the last line: so whoever has the key can verify all of the file. */
async function exportLedger(options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, interrupted } = surroundings;
  const { url, apiKey, credentials } = await findAddress(options, surroundings);
  const server = new Server(url, apiKey, interrupted);
  const ledger = options.ledger ?? credentials?.log?.split('/')[1] ?? 'default';
  const note = await server.getText(`/v1/log/${encodeURIComponent(ledger)}/checkpoint`);
  const { size } = readHead(note);
  const progress = openProgress(err, 'exporting', size);
  const tally = { records: 0 };
  const lines = exportLines({ server, ledger, note, size, progress, tally });
  try {
    if (options.output !== undefined) await writeNewFile(options.output, lines);
    else for await (const text of lines) await write(out, text);
  } finally {
    progress.end();
  }
  if (options.output === undefined) return YES;
  if (options.json) printJson(out, { file: options.output, ledger, records: tally.records, head_size: size });
  else printLine(err, `${options.output}: ${count(tally.records)} records of ${ledger}, up to its newest signed head`);
  return YES;
}

interface Exported {
  readonly server: Server;
  readonly ledger: string;
  readonly note: string;
  readonly size: number;
  readonly progress: Progress;
  readonly tally: { records: number };
}

/** Records go out as they came: it is for `verify` to say what is wrong with them. */
async function* exportLines({ server, ledger, note, size, progress, tally }: Exported): AsyncGenerator<string> {
  yield `${exportHeaderLine(ledger)}\n`;
  for await (const { items, last } of readPages(server, { after: -1 })) {
    const covered = items.filter((item) => (item as { seq: number }).seq < size);
    if (covered.length > 0) yield `${covered.map((item) => JSON.stringify(item)).join('\n')}\n`;
    tally.records += covered.length;
    progress.update(last + 1, tally.records);
    if (last + 1 >= size) break;
  }
  yield `${exportHeadLine(note)}\n`;
}

function readHead(note: string) {
  try {
    return parseHead(note.slice(0, note.lastIndexOf('\n\n') + 1));
  } catch (cause) {
    throw new CliError('The server shows a head that is none. Run "runseal verify".', 2, { cause });
  }
}

function write(out: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    (out as NodeJS.WriteStream).write(text, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}
