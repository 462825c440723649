import { createHash } from 'node:crypto';
import { createReadStream, type BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { manifestBytes } from '@runseal/chain';

/** Called as bytes are hashed: how many so far, and of how many. */
export type HashProgress = (done_bytes: number, total_bytes: number) => void;

export interface FileDigest {
  /** Relative to the folder, with `/`. */
  path: string;
  digest: string;
  size_bytes: number;
}

export interface PathContent {
  form: 'file' | 'folder';
  /** `sha256:` and 64 hex digits: of a file's bytes, of a folder's manifest. */
  digest: string;
  size_bytes: number;
  /** A folder's files, in no order; null for a file and where they are too many to list in an event. */
  files: FileDigest[] | null;
}

export interface HashPathOptions {
  onProgress?: HashProgress;
}

/** The schema's limit on files listed in one event. */
const LISTED_MAX = 4000;

/**
 * SHA-256 of a file, streamed. Throws where the file cannot be read, or where size or time of change differ before and
 * after: then nobody can say what was hashed.
 */
export async function hashFile(path: string, { onProgress }: HashPathOptions = {}): Promise<PathContent> {
  const before = await stat(path, { bigint: true });
  if (!before.isFile()) throw new Error(`${path} is no regular file`);
  const size_bytes = Number(before.size);
  const hex = await hashBytes(path, before, (done) => onProgress?.(done, size_bytes));
  return { form: 'file', digest: `sha256:${hex}`, size_bytes, files: null };
}

/**
 * Digest of a folder's canonical manifest, each file streamed. A link inside the folder is read as its target; one that
 * leads out of it, or nowhere, is refused, as are devices and sockets; `.runseal` and empty folders are left out. Throws
 * where a file changes, comes or goes meanwhile.
 */
export async function hashFolder(path: string, { onProgress }: HashPathOptions = {}): Promise<PathContent> {
  const root = await realpath(path);
  const found = await listFiles(root);
  const total = found.reduce((sum, { stats }) => sum + Number(stats.size), 0);
  const files: FileDigest[] = [];
  let done = 0;
  for (const { path: file, stats } of found) {
    const hex = await hashBytes(join(root, file), stats, (bytes) => onProgress?.(done + bytes, total));
    done += Number(stats.size);
    files.push({ path: file.split(sep).join('/'), digest: `sha256:${hex}`, size_bytes: Number(stats.size) });
  }
  const again = new Set((await listFiles(root)).map(({ path: file }) => file));
  if (again.size !== found.length || found.some(({ path: file }) => !again.has(file))) {
    throw new Error(`${path}: files came or went while it was hashed; hash it when it is complete`);
  }
  const manifest = manifestBytes(
    files.map(({ path: of, digest, size_bytes: size }) => ({ path: of, sha256: digest.slice(7), size })),
  );
  const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  return { form: 'folder', digest, size_bytes: total, files: files.length > LISTED_MAX ? null : files };
}

/** `hashFolder` or `hashFile`, by what lies there. */
export async function hashPath(path: string, options: HashPathOptions = {}): Promise<PathContent> {
  return (await stat(path)).isDirectory() ? hashFolder(path, options) : hashFile(path, options);
}

interface Found {
  path: string;
  stats: BigIntStats;
}

async function listFiles(root: string): Promise<Found[]> {
  const files: Found[] = [];
  const pending = [{ path: '', above: [root] }];
  for (let folder = pending.pop(); folder; folder = pending.pop()) {
    for (const name of await readdir(join(root, folder.path))) {
      if (name === '.runseal') continue;
      const path = join(folder.path, name);
      const target = await resolveInside(root, path);
      const stats = await stat(target, { bigint: true });
      if (stats.isFile()) files.push({ path, stats });
      else if (!stats.isDirectory()) throw new Error(`${join(root, path)} is neither a file nor a folder`);
      else if (folder.above.includes(target))
        throw new Error(`${join(root, path)} is a link to a folder that holds it`);
      else pending.push({ path, above: [...folder.above, target] });
    }
  }
  return files;
}

async function resolveInside(root: string, path: string): Promise<string> {
  const target = await realpath(join(root, path));
  if (target === root || target.startsWith(root + sep)) return target;
  throw new Error(`${join(root, path)} is a link that leads out of the folder, to ${target}`);
}

async function hashBytes(path: string, before: BigIntStats, onProgress: (done: number) => void): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer);
    done += (chunk as Buffer).length;
    onProgress(done);
  }
  const after = await stat(path, { bigint: true });
  if (after.size !== before.size || after.mtimeNs !== before.mtimeNs || BigInt(done) !== before.size) {
    throw new Error(`${path} changed while it was hashed; hash it when it is complete`);
  }
  return hash.digest('hex');
}
