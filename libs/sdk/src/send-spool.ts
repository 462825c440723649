import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { ConfigError, readConfig, type ClientConfig, type ClientOptions } from './config.js';
import { backoff } from './courier.js';
import { inspectFolder, Outbox, type FolderFacts } from './outbox.js';
import { Teller } from './say.js';
import { Sender, type Stop } from './sender.js';
import type { SetAside } from './set-aside.js';
import { Spool } from './spool.js';
import { hasLiveOwner, KEPT_MS, listProducers, markDone, readMeta, writeMeta, type SpoolMeta } from './spool-layout.js';

export interface SendSpoolOptions extends Omit<ClientOptions, 'spoolDir'> {
  /** After a restore that no client of this spool has been told of: send again what was at or above `keptSize`. */
  again?: { epoch: number; keptSize: number };
}

/** What became of one dead process's folder. */
export interface FolderResult {
  producer: string;
  /** `other_url`: its events are for another server; `live`: its process delivers them itself. */
  outcome: 'delivered' | 'waiting' | 'held' | 'other_url' | 'live' | 'unreadable' | 'deleted';
  /** Sealed now, not before. */
  delivered: number;
  setAside: number;
  /** Half-written entries that were cut off; they had never been accepted. */
  torn: number;
  pending: number;
  detail?: string;
}

/**
 * Delivers what dead processes left in a spool: whole folders, each to the server that it was recorded for and to no
 * other; a folder recorded without a server is bound to the one given. Folders of live processes are left alone. What was
 * acknowledged more than 7 days ago is deleted. Retries until `drain_s` is over, then says what waits. Throws a
 * ConfigError where address or key is missing; trouble with one folder is in its result.
 */
export async function sendSpool(dir: string, options: SendSpoolOptions = {}): Promise<FolderResult[]> {
  const config = readConfig({ ...options, spoolDir: dir });
  if (config.url === null || config.apiKey === null)
    throw new ConfigError(['url and apiKey are wanted to send a spool']);
  const work: Work = {
    deadline: Date.now() + config.drain_ms,
    again: options.again,
    teller: new Teller(config.say),
    isAway: false,
  };
  const results: FolderResult[] = [];
  for (const producer of listProducers(dir)) results.push(await sendFolder(config, producer, work));
  return results;
}

interface Work {
  deadline: number;
  again: SendSpoolOptions['again'] | undefined;
  teller: Teller;
  /** The server could not be reached until the deadline: the remaining folders are only counted. */
  isAway: boolean;
}

async function sendFolder(config: ClientConfig, producer: string, work: Work): Promise<FolderResult> {
  const result: FolderResult = { producer, outcome: 'delivered', delivered: 0, setAside: 0, torn: 0, pending: 0 };
  const folder = join(config.spoolDir, producer);
  try {
    if (hasLiveOwner(folder)) return { ...result, outcome: 'live' };
    const meta = readMeta(folder);
    if (meta.url !== null && meta.url !== config.url) return { ...result, outcome: 'other_url', detail: meta.url };
    return await deliverFolder(config, { folder, meta, result }, work);
  } catch (error) {
    return { ...result, outcome: 'unreadable', detail: (error as Error).message };
  }
}

async function deliverFolder(
  config: ClientConfig,
  { folder, meta, result }: { folder: string; meta: SpoolMeta; result: FolderResult },
  work: Work,
): Promise<FolderResult> {
  const outbox = new Outbox(folder);
  const facts = await inspectFolder(folder);
  const rewound = work.again ? outbox.rewind(work.again.epoch, work.again.keptSize) : 0;
  const pending = facts.pending + rewound;
  Object.assign(result, { torn: facts.torn, pending });
  if (pending === 0) return { ...result, outcome: retire(folder, facts) };
  if (work.isAway) return { ...result, outcome: 'waiting' };
  markDone(folder, false);
  if (meta.url === null) writeMeta(folder, { ...meta, url: config.url });
  const spool = continueSpool(config, { producer: result.producer, facts, teller: work.teller });
  const sender = new Sender({
    root: config.spoolDir,
    outbox,
    door: { url: config.url as string, apiKey: config.apiKey as string },
    teller: work.teller,
    declare: (setAside) => declare(spool, facts, setAside),
  });
  const stop = await sendUntil(sender, work.deadline);
  spool.close();
  if (stop.kind === 'empty') markDone(folder, true);
  if (stop.kind === 'retry') work.isAway = true;
  return {
    ...result,
    outcome: outcomes[stop.kind],
    delivered: sender.delivered,
    setAside: sender.setAside,
    pending: (await inspectFolder(folder)).pending,
  };
}

const outcomes = { empty: 'delivered', retry: 'waiting', hold: 'held' } as const;

/** A folder in which all is settled: kept for 7 days after its last receipt. */
function retire(folder: string, { newestAck_ms }: FolderFacts): 'deleted' | 'delivered' {
  markDone(folder, true);
  if (Date.now() - newestAck_ms <= KEPT_MS) return 'delivered';
  rmSync(folder, { recursive: true });
  return 'deleted';
}

async function sendUntil(sender: Sender, deadline: number): Promise<Stop> {
  for (let failures = 1; ; failures += 1) {
    const stop = await sender.sendAll();
    if (stop.kind !== 'retry') return stop;
    const pause_ms = Math.max(stop.after_ms, backoff(failures));
    if (Date.now() + pause_ms > deadline) return stop;
    await new Promise((resolve) => setTimeout(resolve, pause_ms));
  }
}

function continueSpool(
  config: ClientConfig,
  { producer, facts, teller }: { producer: string; facts: FolderFacts; teller: Teller },
): Spool {
  return new Spool({
    root: config.spoolDir,
    producer,
    url: config.url,
    limit_bytes: Infinity,
    othersBytes: 0,
    teller,
    freeAcknowledged: () => 0,
    next: facts.next,
  });
}

/** The declaration gets the dead producer's next counter: beyond the count that its terminal event may have told. */
function declare(spool: Spool, { runStream, attempt }: FolderFacts, set_aside: SetAside[]): void {
  if (runStream === null) return;
  const draft = {
    id: uuidv7(),
    type: 'run.events-dropped' as const,
    version: 1,
    stream: runStream,
    occurred_at: new Date().toISOString(),
    payload: { attempt, not_accepted: [], set_aside },
  };
  spool.accept(draft, 'permanent');
}
