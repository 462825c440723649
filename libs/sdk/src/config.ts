import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { patterns } from '@runseal/contracts';
import { readEnvironment, type SdkEnvironment } from './environment.js';
import { sayOnStderr, type Say } from './say.js';

/** How a client reaches the server and where it spools. What is absent comes from the environment, then from a default. */
export interface ClientOptions {
  /** Address of the server, http or https. RUNSEAL_URL. */
  url?: string;
  /** RUNSEAL_API_KEY. */
  apiKey?: string;
  /** RUNSEAL_SPOOL_DIR, else `~/.runseal/spool`. */
  spoolDir?: string;
  /** Bytes that the spool may take on disk; 1 GB. */
  spoolLimit_bytes?: number;
  /** How long `finish` and `fail` wait for the delivery. RUNSEAL_DRAIN_S, else 60. */
  drain_s?: number;
  /** PEM file with certificates to trust beside the system's, for the whole process. RUNSEAL_CA_FILE. */
  caFile?: string;
  /** Takes the one-line messages; stderr by default. */
  say?: Say;
}

export interface ClientConfig {
  url: string | null;
  apiKey: string | null;
  spoolDir: string;
  spoolLimit_bytes: number;
  drain_ms: number;
  say: Say;
}

/** Wrong arguments or environment variables, all faults at once. Never holds the key. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly faults: readonly string[]) {
    super(`Runseal is configured wrongly: ${faults.join('; ')}`);
  }
}

/** Options over environment over defaults. Throws a ConfigError that lists every fault. */
export function readConfig(
  options: ClientOptions,
  environment: SdkEnvironment = readEnvironment(),
  faults: string[] = [],
): ClientConfig {
  const config = {
    url: checkUrl(options.url ?? environment.url, faults),
    apiKey: checkKey(options.apiKey ?? environment.apiKey, faults),
    spoolDir: resolve(options.spoolDir ?? environment.spoolDir ?? join(homedir(), '.runseal', 'spool')),
    spoolLimit_bytes: checkNumber('spoolLimit_bytes', options.spoolLimit_bytes ?? 1_000_000_000, faults),
    drain_ms: 1000 * checkNumber('drain_s (RUNSEAL_DRAIN_S)', options.drain_s ?? environment.drain_s ?? 60, faults),
    say: options.say ?? sayOnStderr,
  };
  const caFile = options.caFile ?? environment.caFile;
  const certificates = caFile === undefined ? null : readCertificates(caFile, faults);
  if (faults.length > 0) throw new ConfigError(faults);
  // Node's fetch takes no certificates of its own, so they are trusted by the whole process.
  if (certificates) setDefaultCACertificates([...getCACertificates('default'), certificates]);
  return config;
}

/** The server's address without a trailing slash: paths are appended to it. Null where none is given. */
export function checkUrl(text: string | undefined, faults: string[]): string | null {
  if (text === undefined || text === '') return null;
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    faults.push('url (RUNSEAL_URL) is no http or https address');
  } else if (url.username || url.password || url.search || url.hash) {
    faults.push('url (RUNSEAL_URL) must carry no credentials, query or fragment');
  } else {
    return url.href.replace(/\/+$/, '');
  }
  return null;
}

/** The id of a run to attach to. */
export function checkRunId(text: string | undefined, faults: string[]): string | null {
  if (text === undefined || text === '') return null;
  if (new RegExp(patterns.uuid).test(text)) return text;
  faults.push(`run id (RUNSEAL_RUN_ID) is no lower-case UUID: found ${JSON.stringify(text)}`);
  return null;
}

function checkKey(key: string | undefined, faults: string[]): string | null {
  if (key === undefined || key === '') return null;
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  faults.push('apiKey (RUNSEAL_API_KEY) holds characters that no key has');
  return null;
}

function checkNumber(name: string, value: number | string, faults: string[]): number {
  const number = Number(value);
  if (Number.isFinite(number) && number >= 0) return number;
  faults.push(`${name} must be a number from 0, found ${JSON.stringify(value)}`);
  return 0;
}

function readCertificates(path: string, faults: string[]): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    faults.push(`caFile (RUNSEAL_CA_FILE) cannot be read: ${(error as Error).message}`);
    return null;
  }
}
