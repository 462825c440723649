import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { CliError, UNDETERMINED } from '../surroundings.js';
import { refuse } from './refuse.js';

/** An output folder, as far as it lies open: names only. */
export interface RunFolder {
  readonly path: string;
  readonly name: string;
  /** Regular files of the folder itself, sorted. */
  readonly files: readonly string[];
  /** Saved weights, by rising step. */
  readonly checkpoints: readonly { readonly step: number; readonly name: string }[];
  /** Other folders in it; nothing is read from them. */
  readonly others: readonly string[];
}

/**
 * Lists a run's output folder. A link inside it is read as its target; one that leads out is refused, since what lies there is
 * not part of what was handed over. Refuses what is no folder and an empty one.
 */
export async function openRunFolder(given: string): Promise<RunFolder> {
  const path = await tellFault(given, realpath(given));
  if (!(await stat(path)).isDirectory()) {
    refuse(`${given} is a file. Wanted the run's output folder (output_dir), as the trainer left it.`);
  }
  const files: string[] = [];
  const checkpoints: { step: number; name: string }[] = [];
  const others: string[] = [];
  for (const entry of await tellFault(given, readdir(path, { withFileTypes: true }))) {
    const target = await resolveInside(path, entry.name);
    const stats = await tellFault(target, stat(target));
    const step = /^checkpoint-(\d+)$/.exec(entry.name)?.[1];
    if (stats.isFile()) files.push(entry.name);
    else if (stats.isDirectory() && step !== undefined) checkpoints.push({ step: Number(step), name: entry.name });
    else if (stats.isDirectory()) others.push(entry.name);
  }
  if (files.length + checkpoints.length + others.length === 0) {
    refuse(`${given} is empty. Wanted the run's output folder (output_dir), as the trainer left it.`);
  }
  checkpoints.sort((left, right) => left.step - right.step);
  return { path, name: basename(path), files: files.sort(), checkpoints, others: others.sort() };
}

/** The text of a file below the folder; null where it is not there. */
export async function readText(folder: RunFolder, name: string): Promise<string | null> {
  const isListed = name.includes('/') || folder.files.includes(name);
  if (!isListed) return null;
  try {
    return await readFile(join(folder.path, name), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return tellFault(join(folder.path, name), Promise.reject(cause as Error));
  }
}

/**
 * Refuses a .safetensors file that is shorter or longer than its own header says: a copy that broke off. Its tensors are not read.
 */
export async function requireWholeWeights(path: string): Promise<void> {
  if (!path.endsWith('.safetensors')) return;
  const file = await tellFault(path, open(path, 'r'));
  try {
    const { size } = await file.stat();
    const length = Buffer.alloc(8);
    await file.read(length, 0, 8, 0);
    const headerBytes = size < 8 ? 0 : Number(length.readBigUInt64LE());
    const header = Buffer.alloc(headerBytes <= Math.min(size - 8, 100 << 20) ? Math.max(0, headerBytes) : 0);
    await file.read(header, 0, header.length, 8);
    const wanted = 8 + headerBytes + endOfTensors(header.toString('utf8'));
    if (size !== wanted)
      refuse(`${path} has ${size} bytes, its header wants ${wanted}: it is half written or half copied.`);
  } finally {
    await file.close();
  }
}

function endOfTensors(header: string): number {
  try {
    const tensors = JSON.parse(header) as Record<string, { data_offsets?: [number, number] }>;
    return Math.max(0, ...Object.values(tensors).map(({ data_offsets }) => data_offsets?.[1] ?? 0));
  } catch {
    return NaN; // no header: no length is right
  }
}

async function resolveInside(root: string, name: string): Promise<string> {
  const target = await realpath(join(root, name)).catch(() =>
    refuse(`${join(root, name)} is a link that leads nowhere. Wanted a folder with its files in it.`),
  );
  if (target.startsWith(root + sep)) return target;
  return refuse(
    `${join(root, name)} is a link that leads out of the folder, to ${target}. Wanted the files themselves: copy them in, or ` +
      'import the folder that holds them.',
  );
}

/** Reads that fail are told with what to do: not there is a wrong argument, no right to read cannot be determined. */
async function tellFault<Value>(path: string, reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new CliError(`${path} is not there. Wanted the run's output folder (output_dir).`, UNDETERMINED, { cause });
    }
    const how = code === 'EACCES' || code === 'EPERM' ? 'Run as a user who may read it.' : 'Check the disk.';
    throw new CliError(`${path} cannot be read (${code}). ${how}`, UNDETERMINED, { cause });
  }
}
