import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** A segment is closed before it grows beyond this size, a single larger event aside: what is read or deleted at once. */
export const SEGMENT_BYTES = 1024 * 1024;
/** Acknowledged segments stay this long, so that a server restored from a backup can be given them again. */
export const KEPT_MS = 7 * 24 * 3600 * 1000;

export interface SpoolMeta {
  /** Where these events may be sent; null: recorded without a server, the first delivery decides. */
  url: string | null;
  /** Learned from the first receipt. */
  ledger: string | null;
  format: 1;
}

export const segmentFile = (folder: string, n: number) => join(folder, `${n}.seg`);
export const ackFile = (folder: string, n: number) => join(folder, `${n}.ack`);
export const refusedFolder = (root: string) => join(root, 'refused');

/** Numbers of the folder's segments, ascending; an absent folder has none. */
export function listSegments(folder: string): number[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).flatMap((name) => /^(\d{1,15})\.seg$/.exec(name)?.[1] ?? []);
  return names.map(Number).sort((left, right) => left - right);
}

/** Folders of producers in a spool, by name; an absent spool has none. */
export function listProducers(root: string): string[] {
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && /^[0-9a-f-]{36}$/.test(entry.name)).map(({ name }) => name);
}

const doneFile = (folder: string) => join(folder, 'done');

/** Marks that everything in the folder is settled and its producer has ended; false takes the mark away. */
export function markDone(folder: string, isDone: boolean): void {
  // An older mark stays: the 7 days count from when the last receipt came.
  if (isDone && !existsSync(doneFile(folder))) writeWhole(doneFile(folder), '');
  if (!isDone) rmSync(doneFile(folder), { force: true });
}

/** Deletes folders that have been marked as done for longer than `age_ms`; returns the bytes freed. */
export function sweepDone(root: string, age_ms = KEPT_MS): number {
  let bytes = 0;
  for (const folder of listProducers(root).map((producer) => join(root, producer))) {
    const done = statSync(doneFile(folder), { throwIfNoEntry: false });
    if (!done || Date.now() - done.mtimeMs < age_ms) continue;
    bytes += measureFolder(folder);
    rmSync(folder, { recursive: true, force: true });
  }
  return bytes;
}

/** Bytes of all files in all producers' folders. A file that vanishes meanwhile counts nothing. */
export function measureSpool(root: string): number {
  return listProducers(root).reduce((sum, producer) => sum + measureFolder(join(root, producer)), 0);
}

function measureFolder(folder: string): number {
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

export function readMeta(folder: string): SpoolMeta {
  const meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as SpoolMeta;
  if (meta.format !== 1) throw new Error(`${folder}: found spool format ${String(meta.format)}, wanted 1`);
  return meta;
}

/** Replaces the file as a whole: whoever reads it, or dies here, sees the old one or the new one. */
export function writeWhole(path: string, text: string): void {
  const beside = `${path}.${randomUUID()}.tmp`;
  writeFileSync(beside, text, { mode: 0o600 });
  renameSync(beside, path);
}

export function writeMeta(folder: string, meta: SpoolMeta): void {
  writeWhole(join(folder, 'meta.json'), JSON.stringify(meta));
}

interface Owner {
  pid: number;
  host: string;
  /** Boot and start time of the process where the system tells them: a pid alone is given again. */
  started: string | null;
}

/** Marks the folder as this process's. */
export function writeOwner(folder: string): void {
  const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  writeWhole(join(folder, 'owner.json'), JSON.stringify(owner));
}

/**
 * Whether the process that fills the folder may still live. Of another host's process nothing is known but when it last
 * wrote: 10 minutes of silence count as its end. A wrong guess costs nothing but events sent twice and sealed once.
 */
export function hasLiveOwner(folder: string): boolean {
  let owner: Owner;
  try {
    owner = JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')) as Owner;
  } catch {
    return false;
  }
  if (owner.host !== hostname()) return Date.now() - newestWrite(folder) < 600_000;
  if (owner.pid === process.pid) return owner.started === startOf(process.pid);
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return owner.started === null || owner.started === startOf(owner.pid);
}

function newestWrite(folder: string): number {
  const times = readdirSync(folder).map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Math.max(0, ...times);
}

function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name stands in parentheses and may hold spaces; behind it the state comes first, the start time 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Dead, though nobody has waited for it yet, which in a container may be never.
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return null;
  }
}
