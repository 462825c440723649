import { LedgerVerifier, parseHead, toHex, type VerifyLedgerResult } from '@runseal/chain';
import { readKnownLogs, rememberLog } from '@runseal/ledger';
import { isUnavailable } from '@runseal/postgres';
import { openProgress } from '../progress.js';
import { CliError, printLine, type Output } from '../surroundings.js';
import type { Claims, LedgerSource } from './ledger-source.js';
import { TileComparison } from './tiles.js';
import { crypto, findEntry, findTrust, renewEntry, type Trust, type TrustOptions } from './trust.js';

export interface VerifyOptions extends TrustOptions {
  readonly knownLogs: string;
  /** The log that the person means, where it is known; else the ledger's own word picks the entry of known-logs. */
  readonly log?: string | undefined;
}

/** The verdict as `verify --json` prints it. */
export interface Verdict {
  readonly verdict: VerifyLedgerResult['verdict'];
  readonly reason: string | null;
  readonly log: string | null;
  readonly ledger: string;
  readonly epoch: number;
  readonly size: number;
  readonly root: string | null;
  readonly anchored_to: number | null;
  readonly unanchored: number;
  readonly trust: Trust['trust'];
  readonly heads_checked: number;
  readonly payloads: VerifyLedgerResult['payloads'];
  readonly lost: VerifyLedgerResult['lost'];
  readonly faults: VerifyLedgerResult['faults'];
  readonly fault_count: number;
  readonly tiles: { readonly compared: number; readonly missing: number };
  readonly records_per_second: number;
  /** The key that the ledger's keeper shows, where none is trusted yet. */
  readonly shown_key: string | null;
}

/** Verifies everything that a source holds. Throws a CliError only where not even the start could be read or an option is wrong. */
export async function verifySource(source: LedgerSource, options: VerifyOptions, err: Output): Promise<Verdict> {
  const claims = await source.readClaims();
  const log = options.log ?? claims.log;
  const entry = findEntry(await readKnownLogs(options.knownLogs), log, claims.ledger);
  const trust = await findTrust(options, claims, entry);
  const knownHeads = [...new Set(trust.knownHeads)];
  const shownHeads = [...new Set([...claims.heads, ...trust.shownHeads])].filter((note) => !knownHeads.includes(note));
  const verifier = new LedgerVerifier({
    crypto,
    trust: trust.trust,
    keys: trust.keys,
    knownHeads,
    shownHeads,
    laterEpochs: claims.laterEpochs,
    acceptedEpoch: trust.acceptedEpoch,
  });
  const { brokeOff, rate, tiles } = await readAll({ source, claims, verifier, err });
  for (const tile of tiles?.different ?? []) verifier.addFault({ kind: 'tile_mismatch', tile });
  const result = withDoubt(verifier.result(brokeOff), claims.withheld);
  if (result.verdict === 'intact') await remember(trust, { result, claims, path: options.knownLogs, err });
  return {
    verdict: result.verdict,
    reason: result.reason,
    log: entry?.log ?? log,
    ledger: claims.ledger,
    epoch: result.epoch,
    size: result.size,
    root: result.root && toHex(result.root),
    anchored_to: result.anchoredTo,
    unanchored: result.unanchored,
    trust: trust.trust,
    heads_checked: result.headsChecked,
    payloads: result.payloads,
    lost: result.lost,
    faults: result.faults,
    fault_count: result.faultCount,
    tiles: { compared: tiles?.compared ?? 0, missing: tiles?.missing ?? 0 },
    records_per_second: rate,
    shown_key: trust.trust === 'none' ? (claims.keys[0] ?? null) : null,
  };
}

interface Reading {
  readonly source: LedgerSource;
  readonly claims: Claims;
  readonly verifier: LedgerVerifier;
  readonly err: Output;
}

async function readAll({ source, claims, verifier, err }: Reading) {
  const tiles = claims.tiledSize === null ? null : new TileComparison(source, claims.tiledSize);
  const progress = openProgress(err, 'verifying', claims.total);
  const started = performance.now();
  let read = 0;
  let brokeOff: string | null = null;
  try {
    for await (const { records, done } of source.read()) {
      for (const { record, inspection } of records) {
        verifier.addInspected(record, inspection);
        tiles?.add(inspection);
      }
      await tiles?.compare();
      read += records.length;
      progress.update(done, read);
    }
  } catch (error) {
    if (!(error instanceof CliError) && !isUnavailable(error)) throw error;
    brokeOff = `The records could be read only up to ${read}: ${(error as Error).message}`;
  } finally {
    progress.end();
  }
  return { brokeOff, tiles, rate: Math.round((read * 1000) / Math.max(1, performance.now() - started)) };
}

/** What was withheld beside the records leaves faults as they are, but nothing can be called intact without it. */
function withDoubt(result: VerifyLedgerResult, withheld: string | null): VerifyLedgerResult {
  if (withheld === null || result.verdict !== 'intact') return result;
  return { ...result, verdict: 'undetermined', reason: withheld };
}

interface Remembering {
  readonly result: VerifyLedgerResult;
  readonly claims: Claims;
  readonly path: string;
  readonly err: Output;
}

async function remember(trust: Trust, { result, claims, path, err }: Remembering): Promise<void> {
  const notes = [...claims.heads, ...trust.knownHeads].filter((note) => sizeOf(note) === result.anchoredTo);
  const newest = notes.at(0) === undefined ? null : (notes.toSorted((a, b) => epochOf(a) - epochOf(b)).at(-1) ?? null);
  const entry = newest === null ? null : renewEntry(trust, newest);
  if (!entry) return;
  try {
    await rememberLog(path, entry);
  } catch (error) {
    // The verdict stands; only the next verification has less to compare with.
    printLine(err, `The newest head could not be remembered in ${path}: ${(error as Error).message}.`);
  }
}

function sizeOf(note: string): number {
  return headOf(note)?.size ?? -1;
}

function epochOf(note: string): number {
  return Number(headOf(note)?.origin.split('/').at(-1) ?? -1);
}

function headOf(note: string) {
  try {
    return parseHead(note.slice(0, note.lastIndexOf('\n\n') + 1));
  } catch (error) {
    if (error instanceof TypeError) return null; // shown, but no head
    throw error;
  }
}
