import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort, waitFor } from '@runseal/testing';
import { cli, endOf, runNode, script, standalone, startNode, type Place } from './processes.js';

/** Besides ledger.opened. */
export const RECORDS = 1_000_000;
const START_LIMIT_MS = 60_000;
/** The first start builds what the services show of a million records. */
const FIRST_START_LIMIT_MS = 600_000;

export interface LargeLedger extends Place {
  readonly data: string;
}

export interface RunningStandalone {
  /** From the start of the process until it is ready. */
  readonly start_s: number;
  get(path: string): Promise<string>;
  /** Ends it, and returns the peak of its memory. */
  stop(): Promise<{ peak_mb: number }>;
}

let made: Promise<LargeLedger> | null = null;
let exported: Promise<string> | null = null;

/** The data folder of a standalone with a million records, signed. Made once a run of the benchmark; every bench reads only. */
export function largeLedger(): Promise<LargeLedger> {
  return (made ??= makeLargeLedger());
}

/** The same ledger as `runseal export` writes it. */
export function exportOfLargeLedger(): Promise<string> {
  return (exported ??= makeExport());
}

export async function deleteLargeLedger(): Promise<void> {
  const ledger = await made?.catch(() => null);
  if (ledger) await rm(ledger.folder, { recursive: true, force: true });
}

async function makeLargeLedger(): Promise<LargeLedger> {
  const folder = await mkdtemp(join(tmpdir(), 'runseal-bench-'));
  const ledger = { folder, config: join(folder, 'config'), data: join(folder, '.runseal') };
  try {
    await runNode([script('fill-standalone'), ledger.data, String(RECORDS)], ledger);
    const first = await startOn(ledger, FIRST_START_LIMIT_MS);
    await first.stop();
    return ledger;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function makeExport(): Promise<string> {
  const ledger = await largeLedger();
  const file = join(ledger.folder, 'ledger.jsonl');
  const running = await startLargeStandalone();
  try {
    await runNode([cli, 'export', '-o', file], ledger);
  } finally {
    await running.stop();
  }
  return file;
}

/** Starts `standalone` on the large ledger and waits until it is ready. */
export async function startLargeStandalone(): Promise<RunningStandalone> {
  return startOn(await largeLedger(), START_LIMIT_MS);
}

async function startOn(ledger: LargeLedger, limit_ms: number): Promise<RunningStandalone> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const started = performance.now();
  const child = startNode([standalone, '--port', String(port), '--data', ledger.data], ledger);
  child.stdout?.resume();
  const ended = endOf(child, 'standalone');
  ended.catch(() => undefined); // awaited where it is stopped
  try {
    await waitFor('the standalone', () => isReady(url), limit_ms);
  } catch (error) {
    child.kill('SIGTERM');
    await ended.catch(() => undefined);
    throw error;
  }
  const start_s = (performance.now() - started) / 1_000;
  const { api_key } = JSON.parse(await readFile(join(ledger.data, 'credentials.json'), 'utf8')) as { api_key: string };
  return {
    start_s,
    get: async (path) => {
      const response = await fetch(url + path, { headers: { authorization: `Bearer ${api_key}` } });
      if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
      return response.text();
    },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health/ready`).catch(() => null);
  return response?.ok ?? false;
}
