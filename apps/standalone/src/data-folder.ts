import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { VERSION } from './version.js';
import { writePrivateFile } from './write-file.js';

/** What lies where below the data folder. */
export interface DataPaths {
  readonly folder: string;
  readonly installation: string;
  readonly lock: string;
  readonly credentials: string;
  readonly signingKey: string;
  readonly heads: string;
  readonly database: string;
  readonly log: string;
}

/** Made once, at the first start. */
export interface Installation {
  /** Of the folder's layout. */
  readonly format: number;
  /** The program that made it. */
  readonly version: string;
  /** First part of every origin. */
  readonly install: string;
  readonly superuser_password: string;
}

const FORMAT = 1;

export function dataPaths(folder: string): DataPaths {
  const path = resolve(folder);
  return {
    folder: path,
    installation: join(path, 'installation.json'),
    lock: join(path, 'standalone.lock'),
    credentials: join(path, 'credentials.json'),
    signingKey: join(path, 'keys', 'signing-key'),
    heads: join(path, 'heads'),
    database: join(path, 'postgres'),
    log: join(path, 'logs', 'standalone.log'),
  };
}

/** Makes the folders that are missing. Others may pass through, for Postgres' own user, but list nothing. */
export async function makeFolders(paths: DataPaths): Promise<void> {
  if (await mkdir(paths.folder, { recursive: true })) await chmod(paths.folder, 0o711);
  for (const name of ['keys', 'heads', 'logs']) {
    await mkdir(join(paths.folder, name), { recursive: true, mode: 0o700 });
  }
}

/**
 * Reads who this installation is, or makes it where the folder is new. Throws, with what to do, where the folder was made by
 * a newer program or its file is damaged: the password in it is the only way into the database.
 */
export async function openInstallation(paths: DataPaths): Promise<Installation> {
  const text = await readIfThere(paths.installation);
  if (text !== null) return parseInstallation(text, paths);
  if (await stat(paths.database).catch(() => null)) {
    throw new Error(
      `${paths.folder} holds a database, but not installation.json with its password. Bring that file back from a copy, ` +
        `or start with another folder (--data).`,
    );
  }
  const made: Installation = {
    format: FORMAT,
    version: VERSION,
    install: makeInstallName(hostname()),
    superuser_password: randomBytes(24).toString('hex'),
  };
  await writePrivateFile(paths.installation, `${JSON.stringify(made, null, 2)}\n`);
  return made;
}

/** The host's name, as far as an origin takes it, and six random characters: unique wherever heads of many meet. */
export function makeInstallName(host: string): string {
  const slug = host
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return `${slug || 'host'}-${randomBytes(3).toString('hex')}`;
}

function parseInstallation(text: string, { installation, folder }: DataPaths): Installation {
  const found = parseObject(text);
  const { format, version, install, superuser_password } = found;
  if (typeof format === 'number' && format > FORMAT) {
    throw new Error(
      `${folder} was made by a newer Runseal (${String(version)}, layout ${format}; this is ${VERSION}, layout ${FORMAT}). ` +
        `Use that version, or another folder (--data).`,
    );
  }
  if (format !== FORMAT || typeof install !== 'string' || typeof superuser_password !== 'string') {
    throw new Error(`${installation} is damaged. Bring it back from a copy: it holds the database's password.`);
  }
  return { format, version: String(version), install, superuser_password };
}

/** The members of a JSON object; none where the text is anything else. */
export function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // the caller names the file and says what to do
  }
}

/** A file's text, null where there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
