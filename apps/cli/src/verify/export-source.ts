import { stat } from 'node:fs/promises';
import { CliError, UNDETERMINED } from '../surroundings.js';
import { surveyExport } from './export-lines.js';
import { inspectFile } from './inspector-threads.js';
import type { Claims, Inspected, LedgerSource } from './ledger-source.js';

/** A file that `runseal export` made; read twice, the first time quickly. */
export class ExportSource implements LedgerSource {
  private isCutOff = false;

  constructor(private readonly path: string) {}

  async readClaims(): Promise<Claims> {
    const size = await sizeOf(this.path);
    const { ledger, log, key, head, laterEpochs } = await surveyExport(this.path);
    this.isCutOff = head === null;
    return {
      ledger: ledger ?? '',
      log,
      keys: key === null ? [] : [key],
      heads: head === null ? [] : [head],
      laterEpochs,
      withheld: null,
      // How far gzip is inflated says nothing about the compressed size.
      total: this.path.endsWith('.gz') ? null : size,
      tiledSize: null,
    };
  }

  async *read(): AsyncGenerator<{ records: Inspected[]; done: number }> {
    let done = 0;
    for await (const { records, bytes } of inspectFile(this.path)) {
      done += bytes;
      yield { records, done };
    }
    if (this.isCutOff) throw new CliError(`${this.path} does not end with a signed head: it is cut off. Export again.`);
  }

  readTiles(): Promise<never[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw new CliError(`${path} cannot be read: ${(cause as Error).message}.`, UNDETERMINED, { cause });
  }
}
