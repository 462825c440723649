import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Made at the first start in a data folder, found at every later one. */
export interface Installation {
  /** First part of every origin: another folder is another installation. */
  readonly install: string;
  /** Of every role of the database. */
  readonly databasePassword: string;
  /** The admin's; null until the services have started once. */
  readonly apiKey: string | null;
}

const FOLDERS = ['heads', 'keys', 'logs'] as const;

export const installationPath = (folder: string) => join(folder, 'installation.json');

/** Makes the folders that are missing. Postgres' own user may pass through, but list nothing. */
export async function makeFolders(folder: string): Promise<void> {
  if (await mkdir(folder, { recursive: true })) await chmod(folder, 0o711);
  for (const name of FOLDERS) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
}

export async function openInstallation(folder: string): Promise<Installation> {
  const kept = await readFile(installationPath(folder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (kept !== null) return JSON.parse(kept) as Installation;
  const made = {
    install: `scaled-${randomBytes(3).toString('hex')}`,
    databasePassword: randomBytes(24).toString('hex'),
    apiKey: null,
  };
  await keepInstallation(folder, made);
  return made;
}

export async function keepInstallation(folder: string, installation: Installation): Promise<void> {
  await writeFile(installationPath(folder), `${JSON.stringify(installation, null, 2)}\n`, { mode: 0o600 });
}
