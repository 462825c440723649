import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { hashPath, type PathContent } from '@runseal/sdk';
import { CliError, UNDETERMINED } from '../surroundings.js';
import { isObject } from './python-json.js';
import { refuse } from './refuse.js';

export interface Dataset extends PathContent {
  readonly name: string;
  /** Null where a file's format does not tell without its library (parquet, arrow). */
  readonly samples: number | null;
  /** By the first sample's members: alpaca, sharegpt or openai; else null. */
  readonly schema: string | null;
}

const FIRST_MAX_BYTES = 1 << 20;

/** Hashes a dataset's file or folder, counts its samples and looks at the first. Refuses what cannot be read or breaks off. */
export async function describeDataset(path: string): Promise<Dataset> {
  const content = await hashPath(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code ?? cause.message;
    throw new CliError(`--dataset ${path} cannot be read (${why}). Wanted a file or a folder.`, UNDETERMINED, {
      cause,
    });
  });
  const files = (await stat(path)).isDirectory()
    ? (await readdir(path)).sort().map((name) => join(path, name))
    : [path];
  let samples: number | null = 0;
  let schema: string | null = null;
  for (const file of files) {
    if (!(await stat(file)).isFile() || /^(dataset_info\.json|readme(\..*)?|license)$/i.test(basename(file))) continue;
    const found = await countFile(file);
    samples = samples === null || found.samples === null ? null : samples + found.samples;
    schema ??= schemaOf(found.first);
  }
  return { ...content, name: basename(path), samples: files.length === 0 ? null : samples, schema };
}

interface Counted {
  samples: number | null;
  first: string | null;
}

async function countFile(path: string): Promise<Counted> {
  const read = { '.json': countJson, '.jsonl': countLines, '.csv': countCsv }[extname(path).toLowerCase()];
  return read ? read(path) : { samples: null, first: null };
}

export function schemaOf(first: string | null): string | null {
  try {
    const sample: unknown = first === null ? null : JSON.parse(first);
    if (!isObject(sample)) return null;
    if ('conversations' in sample) return 'sharegpt';
    if ('messages' in sample) return 'openai';
    return 'instruction' in sample ? 'alpaca' : null;
  } catch {
    return null; // a first line that is no JSON tells no schema
  }
}

/** Elements of the array in a file, whatever its size: depth and strings are followed byte by byte. Null for no array. */
async function countJson(path: string): Promise<Counted> {
  let [depth, samples, inString, escaped, inElement, started] = [0, 0, false, false, false, false];
  const first: number[] = [];
  for await (const chunk of createReadStream(path)) {
    for (const byte of chunk as Buffer) {
      const isSpace = byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
      if (!started) {
        if (isSpace || byte === 0xef || byte === 0xbb || byte === 0xbf) continue;
        if (byte !== 0x5b) return countLines(path); // some name a file of lines .json
        [started, depth] = [true, 1];
        continue;
      }
      if (depth === 1 && !inString) {
        if (byte === 0x2c) inElement = false;
        else if (!isSpace && byte !== 0x5d && !inElement) [samples, inElement] = [samples + 1, true];
      }
      if (samples === 1 && inElement && first.length < FIRST_MAX_BYTES) first.push(byte);
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === 0x5c) escaped = true;
        else if (byte === 0x22) inString = false;
      } else if (byte === 0x22) inString = true;
      else if (byte === 0x5b || byte === 0x7b) depth += 1;
      else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    }
  }
  if (started && depth !== 0) refuse(`--dataset ${path} breaks off inside its JSON array. Wanted the whole file.`);
  return {
    samples: started ? samples : null,
    first: Buffer.from(first)
      .toString('utf8')
      .replace(/[\s\]]*$/, ''),
  };
}

/** Lines that are not blank, of a file whose first line is a JSON object; else null. */
async function countLines(path: string): Promise<Counted> {
  let [samples, isBlank] = [0, true];
  const first: number[] = [];
  for await (const chunk of createReadStream(path)) {
    for (const byte of chunk as Buffer) {
      if (byte === 0x0a) isBlank = true;
      else if (isBlank && byte !== 0x20 && byte !== 0x0d && byte !== 0x09) [samples, isBlank] = [samples + 1, false];
      if (samples === 1 && !isBlank && first.length < FIRST_MAX_BYTES) first.push(byte);
    }
  }
  const line = Buffer.from(first).toString('utf8');
  return isJsonObject(line) ? { samples, first: line } : { samples: null, first: null };
}

function isJsonObject(line: string): boolean {
  try {
    return isObject(JSON.parse(line));
  } catch {
    return false;
  }
}

/** Rows below the heading; a line feed between quotes belongs to its field. */
async function countCsv(path: string): Promise<Counted> {
  let [rows, isQuoted, isBlank] = [0, false, true];
  for await (const chunk of createReadStream(path)) {
    for (const byte of chunk as Buffer) {
      if (byte === 0x22) isQuoted = !isQuoted;
      if (byte === 0x0a && !isQuoted) isBlank = true;
      else if (isBlank && byte !== 0x0d) [rows, isBlank] = [rows + 1, false];
    }
  }
  return { samples: Math.max(0, rows - 1), first: null };
}
