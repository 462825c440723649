import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** What somebody who verifies remembers of a ledger, as ssh remembers hosts. This copy is trusted, not the server's word. */
export interface KnownLog {
  /** `<install>/<ledger>`. */
  readonly log: string;
  /** Verifier key lines, of any epoch. */
  readonly keys: readonly string[];
  /** The newest head that was seen and verified, as a signed note; null before the first. */
  readonly head: string | null;
  /** The newest epoch that a person accepted in place of lost records. */
  readonly accepted_epoch: number;
}

/** `$XDG_CONFIG_HOME/runseal/known-logs`, by default `~/.config/runseal/known-logs`. */
export function knownLogsPath(configHome: string | undefined): string {
  return join(configHome || join(homedir(), '.config'), 'runseal', 'known-logs');
}

/** All remembered ledgers; none where the file is missing. Throws on a file that cannot be read or is not ours. */
export async function readKnownLogs(path: string): Promise<KnownLog[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => readLine(line, `${path}:${index + 1}`));
}

/** Writes one entry in place of the log's older one, the file as a whole: dying in between leaves the old file. */
export async function rememberLog(path: string, entry: KnownLog): Promise<void> {
  const others = (await readKnownLogs(path)).filter(({ log }) => log !== entry.log);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, [...others, entry].map((known) => `${JSON.stringify(known)}\n`).join(''), { mode: 0o600 });
  await rename(draft, path);
}

function readLine(line: string, place: string): KnownLog {
  try {
    const entry = JSON.parse(line) as KnownLog;
    if (typeof entry.log === 'string' && Array.isArray(entry.keys)) return entry;
  } catch (cause) {
    throw new Error(`${place} is not JSON. Mend or remove the line.`, { cause });
  }
  throw new Error(`${place} is no known log {"log", "keys", "head", "accepted_epoch"}. Mend or remove the line.`);
}
