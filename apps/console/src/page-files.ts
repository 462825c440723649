import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** Where `nx build console` leaves the page. */
export const consoleFolder = fileURLToPath(new URL('../dist/web/', import.meta.url));

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The files of the page, read once: what is not there at the start is never served, however its name is spelled. */
export class PageFiles {
  private constructor(
    readonly page: PageFile,
    /** By file name. */
    readonly assets: ReadonlyMap<string, PageFile>,
  ) {}

  /** Throws, with what to do, where the page was not built, or holds a file of a type that is not known here. */
  static read(webFolder: string): PageFiles {
    const page = join(webFolder, 'index.html');
    if (!existsSync(page)) throw new Error(`${webFolder} holds no page. Build it: npx nx build console.`);
    const assets = join(webFolder, 'assets');
    const names = readdirSync(assets);
    return new PageFiles(readFile(page), new Map(names.map((name) => [name, readFile(join(assets, name))])));
  }
}

function readFile(path: string): PageFile {
  const type = TYPES[extname(path)];
  if (type === undefined)
    throw new Error(`${path}: found a file of an unknown type, wanted ${Object.keys(TYPES).join(', ')}.`);
  const bytes = readFileSync(path);
  return { type, bytes, gzipped: gzipSync(bytes) };
}
