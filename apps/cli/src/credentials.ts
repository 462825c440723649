import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, type GlobalOptions, type Surroundings } from './surroundings.js';

/** What standalone keeps for the person of its machine. */
export interface Credentials {
  readonly path: string;
  readonly url: string;
  readonly api_key: string;
  readonly database_url?: string;
  readonly heads_dir?: string;
  /** `<install>/<ledger>`. */
  readonly log?: string;
}

/** The nearest .runseal/credentials.json in a folder or above it, null where there is none. */
export async function findCredentials(folder: string): Promise<Credentials | null> {
  for (let place = folder; ; place = dirname(place)) {
    const path = join(place, '.runseal', 'credentials.json');
    const text = await readIfThere(path);
    if (text !== null) return parse(path, text);
    if (dirname(place) === place) return null;
  }
}

export interface Address {
  readonly url: string;
  readonly apiKey: string | null;
  /** The file, where the address is the one in it. */
  readonly credentials: Credentials | null;
}

/** Where the server is and with which key: options, then environment, then the file. A file's key goes to its own url only. */
export async function findAddress(options: GlobalOptions, { folder, environment }: Surroundings): Promise<Address> {
  const credentials = await findCredentials(folder);
  const url = options.url ?? environment.url ?? credentials?.url;
  if (url === undefined) {
    throw new CliError('No server is named. Give --url or RUNSEAL_URL, or start one here: "runseal standalone".');
  }
  if (!URL.canParse(url)) throw new CliError(`--url is "${url}", wanted an address such as http://127.0.0.1:7450.`);
  const own = credentials && sameUrl(credentials.url, url) ? credentials : null;
  return {
    url: url.replace(/\/+$/, ''),
    apiKey: options.key ?? environment.apiKey ?? own?.api_key ?? null,
    credentials: own,
  };
}

function sameUrl(left: string, right: string): boolean {
  return URL.canParse(left) && new URL(left).href === new URL(right).href;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new CliError(`${path} cannot be read (${code}). Run as its owner, or give --url and --key.`, 2, { cause });
  }
}

function parse(path: string, text: string): Credentials {
  try {
    const value = JSON.parse(text) as Credentials | null;
    if (typeof value?.url === 'string' && typeof value.api_key === 'string') return { ...value, path };
  } catch (cause) {
    throw new CliError(`${path} is not JSON. Delete it and start "runseal standalone" again.`, 2, { cause });
  }
  throw new CliError(`${path} lacks url or api_key. Delete it and start "runseal standalone" again.`);
}
