import { openPool } from '@runseal/postgres';
import { createKey, SCOPE_NAMES } from '@runseal/runtime';
import { parseObject, readIfThere, type DataPaths } from './data-folder.js';
import { writePrivateFile } from './write-file.js';

/** What a person of this machine needs to use the server; kept in a file that only the owner may read. */
export interface Credentials {
  readonly url: string;
  readonly api_key: string;
  /** As the superuser of the embedded Postgres: lets a sceptic change a byte and see it found. */
  readonly database_url: string;
  readonly heads_dir: string;
  /** `<install>/<ledger>`. */
  readonly log: string;
}

/** The API key kept at an earlier start, null where there is none. Throws where the file is damaged. */
export async function readApiKey({ credentials }: DataPaths): Promise<string | null> {
  const text = await readIfThere(credentials);
  if (text === null) return null;
  const { api_key: key } = parseObject(text);
  if (typeof key === 'string' && key.startsWith('rsk_')) return key;
  throw new Error(
    `${credentials} is damaged: found no api_key. Bring it back from a copy, or delete it: the next start makes a new key.`,
  );
}

/** Makes a key that may do everything, for the person who runs this machine. */
export async function createAdminKey(superuserUrl: string, ledger: string): Promise<string> {
  const pool = openPool({ url: superuserUrl, applicationName: 'runseal-standalone', connectionsMax: 1 });
  try {
    const { secret } = await createKey(pool, { principal: 'admin', kind: 'person', ledger, scopes: SCOPE_NAMES });
    return secret;
  } finally {
    await pool.end();
  }
}

export async function writeCredentials({ credentials }: DataPaths, content: Credentials): Promise<void> {
  await writePrivateFile(credentials, `${JSON.stringify(content, null, 2)}\n`);
}
