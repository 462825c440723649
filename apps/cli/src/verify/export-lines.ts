import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parseExportLine, parseRecord, type LaterEpoch, type SealedRecord } from '@runseal/chain';
import { CliError, UNDETERMINED } from '../surroundings.js';
import { readOpening, readRestored } from './ledger-source.js';

const BLOCK_BYTES = 1 << 20;
/** A record's line is at most 768 KiB of payload, each byte perhaps escaped to six, and its envelope. */
const LINE_BYTES_MAX = 8 << 20;
const NEWLINE = 10;

/** The file's bytes in blocks of whole lines, about 1 MB each; a last line without its newline comes alone. */
export async function* readLineBlocks(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: BLOCK_BYTES });
  // A gunzip gives small pieces, so they are gathered until a block is full.
  const bytes = path.endsWith('.gz') ? pipeline(file, createGunzip({ chunkSize: BLOCK_BYTES }), () => undefined) : file;
  let rest: Buffer[] = [];
  let restLength = 0;
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (restLength + (end === 0 ? chunk.length : 0) > LINE_BYTES_MAX) {
        throw new CliError(`${path} has a line of more than ${LINE_BYTES_MAX} bytes: it is no export.`);
      }
      if (end > 0) {
        yield rest.length === 0 ? chunk.subarray(0, end) : Buffer.concat([...rest, chunk.subarray(0, end)]);
        rest = [];
        restLength = 0;
      }
      if (end < chunk.length) rest.push(chunk.subarray(end));
      restLength += chunk.length - end;
    }
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`${path} cannot be read: ${(cause as Error).message}.`, UNDETERMINED, { cause });
  }
  if (restLength > 0) yield Buffer.concat(rest);
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

/** One quick pass that reads only the first lines, the last one and those of restores. */
export async function surveyExport(path: string): Promise<ExportSurvey> {
  const survey: ExportSurvey = { ledger: null, log: null, key: null, head: null, laterEpochs: [] };
  let last = '';
  for await (const block of readLineBlocks(path)) {
    if (survey.ledger === null) readStart(block.toString('utf8').split('\n', 2), path, survey);
    for (const line of linesWith(block, RESTORED)) {
      const record = recordOf(line);
      if (!record || !String(record.envelope).includes('"type":"ledger.restored"')) continue;
      const epoch = readRestored(record.seq, textOf(record.payload));
      if (epoch) survey.laterEpochs.push(epoch);
    }
    const end = block.at(-1) === NEWLINE ? block.length - 1 : block.length;
    last = block.subarray(block.lastIndexOf(NEWLINE, end - 1) + 1, end).toString('utf8');
  }
  if (survey.ledger === null) throw new CliError(`${path} is empty, wanted a file that "runseal export" made.`);
  survey.head = headOf(last);
  return survey;
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
