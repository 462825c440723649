import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { parseObject, readIfThere } from './data-folder.js';

/** Proof that one process at a time works on a data folder. */
export interface FolderLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  /** Tells the process apart from a later one with the same id; null where the system does not say. */
  readonly born: string | null;
}

const ENDING_LIMIT_MS = 1_000;

/**
 * Takes the lock of a folder, over from a process that is gone, or throws naming the one that has it. It is a file, so a
 * process on another machine or in another container that shares the folder is not seen.
 */
export async function lockFolder(path: string, folder: string): Promise<FolderLock> {
  const mine: Holder = { pid: process.pid, born: await readBirth(process.pid) };
  const text = JSON.stringify(mine);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (await createWhole(path, text)) return { release: () => releaseLock(path, text) };
    const found = await readIfThere(path);
    if (found === null) continue;
    const { pid, born } = parseObject(found);
    if (typeof pid === 'number' && (await isAlive({ pid, born: typeof born === 'string' ? born : null }))) {
      throw new Error(
        `${folder} is in use by the process with id ${pid}. Stop that one, or start with another folder (--data).`,
      );
    }
    await removeStale(path, found);
  }
  throw new Error(`${folder} is being taken by other processes at this moment. Try again.`);
}

/** Creates the file with its content at once: `link` fails where the name is taken. */
async function createWhole(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text, { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Two processes may find the same dead holder: whoever moved away the other's new lock puts it back. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== stale) await link(aside, path);
  await rm(aside, { force: true });
}

async function releaseLock(path: string, mine: string): Promise<void> {
  if ((await readIfThere(path)) === mine) await rm(path, { force: true });
}

/** Waits a moment for a holder that is just ending, as one that was killed a moment ago. */
async function isAlive({ pid, born }: Holder): Promise<boolean> {
  const deadline = Date.now() + ENDING_LIMIT_MS;
  while (isThere(pid) && (born === null || born === (await readBirth(pid)))) {
    if (Date.now() > deadline) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
}

/**
 * Boot and clock tick at which a process began, from /proc; null where there is no such file system, or where the process
 * has ended and only waits for its parent to notice.
 */
async function readBirth(pid: number): Promise<string | null> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const line = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything, so fields are counted after it: the state is the 3rd of all, the start the 22nd.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : `${boot} ${fields[19]}`;
  } catch {
    return null; // another operating system, or the process is gone
  }
}
