import { readFile } from 'node:fs/promises';
import {
  equalKeys,
  formatOrigin,
  formatVerifierKey,
  NoteError,
  openHead,
  parseHead,
  parseOrigin,
  parseVerifierKey,
  verifierKey,
  type VerifierKey,
  type VerifyCrypto,
} from '@runseal/chain';
import { ed25519Verify, sha256 } from '@runseal/chain/node';
import { DirectoryHeadStore, type KnownLog } from '@runseal/ledger';
import { CliError, UNDETERMINED } from '../surroundings.js';
import { sampleHeads } from './heads.js';
import type { Claims } from './ledger-source.js';

export const crypto: VerifyCrypto = { sha256, verify: ed25519Verify };

/** What the person brought along instead of, or beside, known-logs. */
export interface TrustOptions {
  readonly keyFile?: string;
  readonly head?: string;
  /** A folder of heads outside the database. */
  readonly heads?: string;
  /** A key that the person compared and wants to trust from now on. */
  readonly trustKey?: string;
  readonly acceptEpoch?: number;
}

export interface Trust {
  readonly trust: 'known-log' | 'given' | 'none';
  readonly keys: readonly VerifierKey[];
  readonly knownHeads: readonly string[];
  /** Heads of the outside store that no key opens: wrong ones show as faults. */
  readonly shownHeads: readonly string[];
  readonly acceptedEpoch: number;
  /** What to remember after an intact verification; null where known-logs had no part in it. */
  readonly entry: KnownLog | null;
}

/** Decides what is trusted: keys and heads that the person gives, else known-logs, else nothing. Never the keeper's own word. */
export async function findTrust(options: TrustOptions, claims: Claims, entry: KnownLog | null): Promise<Trust> {
  const claimed = claims.keys.flatMap((line) => parseClaimedKey(line));
  const known = (entry?.keys ?? []).map((line) => parseKey(line, 'known-logs'));
  const given = options.keyFile === undefined ? [] : await readKeys(options.keyFile);
  const pinned = options.trustKey === undefined ? [] : [parseKey(options.trustKey, '--trust-key')];
  const usesGiven = options.keyFile !== undefined || options.head !== undefined;
  const remembers = !usesGiven && (entry !== null || pinned.length > 0);
  const trust = usesGiven || pinned.length > 0 ? 'given' : entry !== null ? 'known-log' : 'none';
  const keys = [...(given.length > 0 ? given : [...pinned, ...known])];
  // A head that the person kept vouches for the key that signed it, wherever that key was learned.
  if (keys.length === 0) keys.push(...claimed);
  const knownHeads = remembers && entry?.head ? [entry.head] : [];
  if (options.head !== undefined) knownHeads.push(await readGivenHead(options.head, keys));
  const outside = options.heads === undefined ? [] : await readFolder(options.heads);
  const opened = outside.filter((note) => addOpener(keys, note));
  return {
    trust,
    keys,
    knownHeads: [...knownHeads, ...opened],
    shownHeads: outside.filter((note) => !opened.includes(note)),
    acceptedEpoch: Math.max(entry?.accepted_epoch ?? 0, options.acceptEpoch ?? 0),
    entry: remembers ? (entry ?? newEntry(pinned)) : null,
  };
}

/** The entry of a ledger by the log that it says it is; a database that no longer says so is found by the ledger's name. */
export function findEntry(entries: readonly KnownLog[], log: string | null, ledger: string): KnownLog | null {
  if (log !== null) return entries.find((entry) => entry.log === log) ?? null;
  const ofName = entries.filter((entry) => entry.log.endsWith(`/${ledger}`));
  return ofName.length === 1 ? (ofName[0] ?? null) : null;
}

/** The entry after an intact verification: its newest head, and the keys that opened it. */
export function renewEntry({ entry, keys, acceptedEpoch }: Trust, head: string): KnownLog | null {
  if (!entry) return null;
  const openers = [...keys];
  addOpener(openers, head);
  const lines = openers.map(formatVerifierKey);
  return { log: entry.log, keys: [...new Set(lines)], head, accepted_epoch: acceptedEpoch };
}

/** Reads one or more verifier key lines. */
export async function readKeys(path: string): Promise<VerifierKey[]> {
  const text = await readGiven(path, 'a verifier key');
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '').map((line) => parseKey(line, path));
  if (keys.length === 0) throw new CliError(`${path} is empty, wanted a verifier key line.`);
  return keys;
}

/** Reads a file that the person named; a failure says what it should have been. */
export async function readGiven(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliError(`${path} cannot be read: wanted a file with ${what}.`, UNDETERMINED, { cause });
  }
}

function parseKey(line: string, place: string): VerifierKey {
  try {
    const key = parseVerifierKey(sha256, line);
    parseOrigin(key.name);
    return key;
  } catch (cause) {
    const message = `${place}: ${(cause as Error).message}. Wanted <install>/<ledger>/<epoch>+<id>+<key>.`;
    throw new CliError(message, UNDETERMINED, { cause });
  }
}

function parseClaimedKey(line: string): VerifierKey[] {
  try {
    const key = parseVerifierKey(sha256, line);
    parseOrigin(key.name);
    return [key];
  } catch (error) {
    if (error instanceof NoteError || error instanceof TypeError) return [];
    throw error;
  }
}

async function readGivenHead(path: string, keys: VerifierKey[]): Promise<string> {
  const note = await readGiven(path, 'a signed head');
  if (addOpener(keys, note)) return note;
  const [origin = ''] = note.split('\n', 1);
  throw new CliError(
    `${path} is no head that one of the known keys signed (it says "${origin.slice(0, 200)}"). Give its key with --key-file.`,
  );
}

async function readFolder(path: string): Promise<string[]> {
  try {
    return await sampleHeads(new DirectoryHeadStore(path));
  } catch (cause) {
    throw new CliError(`${path} cannot be read as a store of heads: ${(cause as Error).message}.`, UNDETERMINED, {
      cause,
    });
  }
}

/**
 * Whether a note is a head signed by one of the keys, under its own name or, as another epoch of the same log, under that
 * epoch's; then that name's key is among the keys afterwards.
 */
function addOpener(keys: VerifierKey[], note: string): boolean {
  try {
    const origin = parseOrigin(parseHead(note.slice(0, note.lastIndexOf('\n\n') + 1)).origin);
    for (const { name, publicKey } of [...keys]) {
      const { install, ledger } = parseOrigin(name);
      if (install !== origin.install || ledger !== origin.ledger) continue;
      const key = verifierKey(sha256, formatOrigin(origin), publicKey);
      if (!isOpenedBy(note, key)) continue;
      if (!keys.some((other) => equalKeys(other, key))) keys.push(key);
      return true;
    }
    return false;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function isOpenedBy(note: string, key: VerifierKey): boolean {
  try {
    openHead(crypto.verify, note, [key]);
    return true;
  } catch (error) {
    if (error instanceof NoteError) return false;
    throw error;
  }
}

function newEntry(pinned: readonly VerifierKey[]): KnownLog | null {
  const [key] = pinned;
  if (!key) return null;
  const { install, ledger } = parseOrigin(key.name);
  return { log: `${install}/${ledger}`, keys: [formatVerifierKey(key)], head: null, accepted_epoch: 0 };
}
