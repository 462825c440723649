import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { parseHead, toHex } from '@runseal/chain';
import type { Anchor } from './seal-batch.js';

/**
 * Where signed heads are kept, outside the database: a directory here, an object store elsewhere. A name is written once and
 * never again, so two signers can never show two heads of one number.
 */
export interface HeadStore {
  /** Writes durably and returns true, or returns false where the name is taken; never half a file, never over another. */
  createIfAbsent(name: string, content: string): Promise<boolean>;
  /** Null where there is no such name. */
  read(name: string): Promise<string | null>;
}

/** A head as it lies in the store. Numbers are consecutive from 0 in each epoch. */
export interface StoredHead {
  readonly epoch: number;
  readonly number: number;
  /** The signed note. */
  readonly note: string;
}

/** Keeps every head in a file of its own below `folder`, written under another name, synced, and then linked into place. */
export class DirectoryHeadStore implements HeadStore {
  constructor(private readonly folder: string) {}

  async createIfAbsent(name: string, content: string): Promise<boolean> {
    const path = join(this.folder, name);
    const draft = `${path}.${randomUUID()}.draft`;
    await mkdir(dirname(path), { recursive: true });
    const file = await open(draft, 'wx', 0o644);
    try {
      await file.writeFile(content);
      await file.sync();
      await file.close();
      await link(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
    await syncFolder(dirname(path));
    return true;
  }

  async read(name: string): Promise<string | null> {
    try {
      return await readFile(join(this.folder, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}

/** Publishes head `number` of an epoch; false where that number is taken. */
export function publishHead(store: HeadStore, head: StoredHead): Promise<boolean> {
  return store.createIfAbsent(`${head.epoch}/${head.number}`, head.note);
}

export async function readHead(store: HeadStore, epoch: number, number: number): Promise<StoredHead | null> {
  const note = await store.read(`${epoch}/${number}`);
  return note === null ? null : { epoch, number, note };
}

/** The newest head of an epoch, null where it has none. Numbers have no holes, so a search by halves finds it. */
export async function findNewestHead(store: HeadStore, epoch: number): Promise<StoredHead | null> {
  const newest = await findLast(async (number) => (await store.read(`${epoch}/${number}`)) !== null);
  return newest === null ? null : readHead(store, epoch, newest);
}

/** The newest epoch that has a head, null in an empty store. */
export function findNewestEpoch(store: HeadStore): Promise<number | null> {
  return findLast(async (epoch) => (await store.read(`${epoch}/0`)) !== null);
}

/**
 * Keeps the newest record under a head beside it, before the head is published: so every head has its anchor. The root in the
 * name tells apart what two signers may have drafted for the same number.
 */
export async function keepAnchor(store: HeadStore, head: StoredHead, anchor: Anchor): Promise<void> {
  await store.createIfAbsent(anchorName(head), `${JSON.stringify(anchor)}\n`);
}

/** The newest record under the newest head; null in an empty store. */
export async function findNewestAnchor(store: HeadStore): Promise<Anchor | null> {
  const epoch = await findNewestEpoch(store);
  const head = epoch === null ? null : await findNewestHead(store, epoch);
  if (!head) return null;
  const anchor = await store.read(anchorName(head));
  if (anchor === null) throw new Error(`${anchorName(head)} is missing in the store of heads.`);
  return JSON.parse(anchor) as Anchor;
}

function anchorName({ epoch, number, note }: StoredHead): string {
  const { root } = parseHead(note.slice(0, note.indexOf('\n\n') + 1));
  return `${epoch}/${number}-${toHex(root.subarray(0, 8))}.anchor`;
}

/** The largest number for which `exists` holds, where it holds for all below; null where it does not hold for 0. */
async function findLast(exists: (number: number) => Promise<boolean>): Promise<number | null> {
  if (!(await exists(0))) return null;
  let known = 0;
  let beyond = 1;
  while (await exists(beyond)) {
    known = beyond;
    beyond *= 2;
  }
  while (beyond - known > 1) {
    const middle = Math.floor((known + beyond) / 2);
    if (await exists(middle)) known = middle;
    else beyond = middle;
  }
  return known;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
