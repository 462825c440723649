import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parseExportLine, parseRecord, type LaterEpoch, type SealedRecord } from '@runseal/chain';
import { CliError, UNDETERMINED } from '../surroundings.js';
import { readOpening, readRestored } from './ledger-source.js';

const BLOCK_BYTES = 512 * 1024;
/** A record's line is at most 768 KiB of payload, each byte perhaps escaped to six, and its envelope. */
const LINE_BYTES_MAX = 8 << 20;
const NEWLINE = 10;

/** Gives a buffer of at least so many bytes, perhaps one that was used before. */
export type TakeBuffer = (bytes: number) => Buffer;

/**
 * The file's bytes in blocks of whole lines; a last line without its newline comes alone. Each block is the start of a buffer
 * of its own from `take`, which the caller may hand on or use again.
 */
export async function* readLineBlocks(path: string, take: TakeBuffer = Buffer.allocUnsafeSlow): AsyncGenerator<Buffer> {
  const reader = await openReader(path);
  try {
    let buffer = take(BLOCK_BYTES);
    let length = 0;
    for (;;) {
      const read = await reader.read(buffer, length);
      if (read === 0) break;
      // What came before had no end of a line in it.
      const end = buffer.lastIndexOf(NEWLINE, length + read - 1) + 1;
      length += read;
      if (end === 0 && length < buffer.length) continue;
      if (length > LINE_BYTES_MAX && end === 0) {
        throw new CliError(`${path} has a line of more than ${LINE_BYTES_MAX} bytes: it is no export.`);
      }
      const next = take(Math.max(BLOCK_BYTES, 2 * (length - end)));
      buffer.copy(next, 0, end, length);
      if (end > 0) yield buffer.subarray(0, end);
      buffer = next;
      length -= end;
    }
    if (length > 0) yield buffer.subarray(0, length);
  } finally {
    await reader.close();
  }
}

interface Reader {
  /** Fills the buffer from `offset` on and returns how many bytes came, 0 at the end. */
  read(buffer: Buffer, offset: number): Promise<number>;
  close(): Promise<void>;
}

async function openReader(path: string): Promise<Reader> {
  const failed = (cause: unknown) =>
    new CliError(`${path} cannot be read: ${(cause as Error).message}.`, UNDETERMINED, { cause });
  const file = await open(path).catch((cause: unknown) => Promise.reject(failed(cause)));
  if (!path.endsWith('.gz')) {
    return {
      read: async (buffer, offset) => {
        const { bytesRead } = await file.read(buffer, offset, buffer.length - offset).catch((cause: unknown) => {
          throw failed(cause);
        });
        return bytesRead;
      },
      close: () => file.close(),
    };
  }
  const inflated = pipeline(
    file.createReadStream({ autoClose: false }),
    createGunzip({ chunkSize: 1 << 18 }),
    () => undefined,
  );
  const chunks = inflated[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  return {
    read: async (buffer, offset) => {
      if (rest.length === 0) {
        const { value, done } = await chunks.next().catch((cause: unknown) => {
          throw failed(cause);
        });
        if (done) return 0;
        rest = value;
      }
      const copied = rest.copy(buffer, offset);
      rest = rest.subarray(copied);
      return copied;
    },
    close: async () => {
      inflated.destroy();
      await file.close();
    },
  };
}

export interface ExportSurvey {
  ledger: string | null;
  log: string | null;
  key: string | null;
  /** The note of the last line, null where the file has none: it is cut off. */
  head: string | null;
  laterEpochs: LaterEpoch[];
}

const RESTORED = 'ledger.restored';

/** What the first lines, the last one and those of restores say; a quick pass over the file where its ends do not tell all. */
export async function surveyExport(path: string): Promise<ExportSurvey> {
  const survey: ExportSurvey = { ledger: null, log: null, key: null, head: null, laterEpochs: [] };
  const end = path.endsWith('.gz') ? null : await readEnd(path);
  let last = end?.at(-1) ?? '';
  for await (const block of readLineBlocks(path, twoBuffers())) {
    if (survey.ledger === null) readStart(block.toString('utf8').split('\n', 2), path, survey);
    // Epochs only grow: a ledger whose last record is of epoch 0 was never restored. One that lies about it is found out,
    // for a restore opens its epoch when its record is read.
    if (recordOf(end?.at(-2) ?? '')?.epoch === 0) break;
    for (const line of linesWith(block, RESTORED)) {
      const record = recordOf(line);
      if (!record || !String(record.envelope).includes('"type":"ledger.restored"')) continue;
      const epoch = readRestored(record.seq, textOf(record.payload));
      if (epoch) survey.laterEpochs.push(epoch);
    }
    const stop = block.at(-1) === NEWLINE ? block.length - 1 : block.length;
    last = block.subarray(block.lastIndexOf(NEWLINE, stop - 1) + 1, stop).toString('utf8');
  }
  if (survey.ledger === null) throw new CliError(`${path} is empty, wanted a file that "runseal export" made.`);
  survey.head = headOf(last);
  return survey;
}

const END_BYTES = 64 * 1024;

/** The last lines of a file; the first of them may be cut. */
async function readEnd(path: string): Promise<string[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, END_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n');
  } finally {
    await file.close();
  }
}

/** The reader holds one buffer while its caller looks at the other. */
function twoBuffers(): TakeBuffer {
  const buffers: Buffer[] = [];
  return (bytes) => {
    const spare = buffers.length === 2 ? buffers.shift() : undefined;
    const buffer = spare !== undefined && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes);
    buffers.push(buffer);
    return buffer;
  };
}

function readStart([header = '', opened = '']: string[], path: string, survey: ExportSurvey): void {
  try {
    const line = parseExportLine(header);
    if (line.kind !== 'header') throw new TypeError('the first line is no header');
    survey.ledger = line.ledger;
  } catch (cause) {
    const message = `${path} is no export (${(cause as Error).message}). Make one with "runseal export -o FILE".`;
    throw new CliError(message, UNDETERMINED, { cause });
  }
  const first = recordOf(opened);
  if (first) Object.assign(survey, readOpening(textOf(first.payload)));
}

function* linesWith(block: Buffer, words: string): Generator<string> {
  for (let at = block.indexOf(words); at >= 0;) {
    const end = block.indexOf(NEWLINE, at);
    const stop = end < 0 ? block.length : end;
    yield block.subarray(block.lastIndexOf(NEWLINE, at) + 1, stop).toString('utf8');
    at = block.indexOf(words, stop);
  }
}

/** The record of a line, null where it is none. */
function recordOf(line: string): SealedRecord | null {
  try {
    const parsed = parseExportLine(line);
    return parsed.kind === 'record' ? parseRecord(parsed.record) : null;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function headOf(line: string): string | null {
  try {
    const parsed = parseExportLine(line);
    return parsed.kind === 'head' ? parsed.note : null;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function textOf(payload: string | Uint8Array | null): string | null {
  return typeof payload === 'string' ? payload : null;
}
