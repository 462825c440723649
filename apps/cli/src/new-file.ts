import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { CliError, UNDETERMINED } from './surroundings.js';

/** Writes a file whole or not at all: under another name first, on disk before it gets its own. Gzip by name. */
export async function writeNewFile(path: string, content: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    const file = createWriteStream(draft, { flags: 'wx' });
    if (path.endsWith('.gz')) await pipeline(Readable.from(content), createGzip(), file);
    else await pipeline(Readable.from(content), file);
    const handle = await open(draft, 'r');
    await handle.sync().finally(() => handle.close());
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    const isOfDisk = typeof (cause as NodeJS.ErrnoException).syscall === 'string';
    if (!isOfDisk) throw cause;
    throw new CliError(`${path} cannot be written: ${(cause as Error).message}.`, UNDETERMINED, { cause });
  }
}
