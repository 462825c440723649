import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, unlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { decodeSpoolSegment, fromUtf8 } from '@runseal/chain';
import type { KnownRecord, SubmittedEvent } from '@runseal/contracts';
import { isNewer, isReceipt, type Receipt } from './receipt.js';
import { ackFile, KEPT_MS, listSegments, readMeta, segmentFile, writeMeta, writeWhole } from './spool-layout.js';

/** An event as it lies in the spool: the text is sent as it is. */
export interface StoredEvent {
  text: string;
  event: Pick<SubmittedEvent, 'id' | 'type' | 'stream' | 'producer'>;
}

/** One line of an `.ack` file: a receipt, or the code for which the event was set aside. */
export type Settlement = Receipt | { id: string; refused: string };

interface Segment {
  n: number;
  /** Entries before this byte are settled. */
  offset: number;
  settled: Set<string>;
  /** Whether the `.ack` file may end in half a line. */
  isAckTorn: boolean;
}

/**
 * The reading end of one producer's folder: hands out what is not settled yet, in order, and writes down what is. A
 * settlement that a kill takes away costs only a second sending.
 */
export class Outbox {
  private current: Segment | null = null;
  private batch = { end: 0, unsettled: new Set<string>() };
  private knownLedger: string | null | undefined;
  known: KnownRecord | null = null;

  constructor(readonly folder: string) {}

  /** At most `count_max` events and `bytes_max` bytes of one segment; empty when all that is written is settled. */
  async read(count_max: number, bytes_max: number): Promise<StoredEvent[]> {
    for (;;) {
      // Listed before reading: a segment that has a successor by now gets no more entries.
      const segments = listSegments(this.folder);
      this.current ??= this.open(segments[0]);
      if (!this.current) return [];
      const { n, offset, settled } = this.current;
      const found = await readEntries(segmentFile(this.folder, n), offset);
      const batch = take(found, settled, { count_max, bytes_max });
      if (batch.events.length > 0) {
        this.batch = { end: offset + batch.end, unsettled: new Set(batch.events.map(({ event }) => event.id)) };
        return batch.events;
      }
      this.current.offset = offset + batch.end;
      const next = segments.find((segment) => segment > n);
      if (next === undefined) return [];
      this.current = this.open(next);
    }
  }

  /**
   * Writes down receipts and refusals. Events that came from memory are named in no segment and change nothing. Throws
   * where the disk refuses; the settlements are then remembered for the life of this process only.
   */
  settle(settlements: readonly Settlement[]): void {
    const segment = this.current;
    const written = settlements.filter(({ id }) => segment !== null && this.batch.unsettled.delete(id));
    this.learnKnown(settlements);
    if (segment && written.length > 0) this.writeDown(segment, written);
    const receipt = settlements.find((settlement) => !('refused' in settlement));
    if (receipt) this.learnLedger((receipt as Receipt).ledger);
  }

  private writeDown(segment: Segment, written: readonly Settlement[]): void {
    for (const { id } of written) segment.settled.add(id);
    if (this.batch.unsettled.size === 0) segment.offset = this.batch.end;
    const lines = written.map((settlement) => `${JSON.stringify(settlement)}\n`).join('');
    // What a kill or a full disk left of a line must not swallow the next one.
    const begin = segment.isAckTorn ? '\n' : '';
    segment.isAckTorn = true;
    appendFileSync(ackFile(this.folder, segment.n), begin + lines, { mode: 0o600 });
    segment.isAckTorn = false;
  }

  /**
   * Forgets the receipts that a restore lost: those of an older epoch at or above the kept size. Their events are
   * unsettled again and `read` begins with them. Returns how many.
   */
  rewind(epoch: number, keptSize: number): number {
    let count = 0;
    this.current = null;
    this.known = null;
    for (const n of listSegments(this.folder)) {
      const settlements = readSettlements(this.folder, n);
      const kept = settlements.filter((one) => 'refused' in one || one.epoch >= epoch || one.seq < keptSize);
      this.learnKnown(kept);
      if (kept.length === settlements.length) continue;
      count += settlements.length - kept.length;
      writeWhole(ackFile(this.folder, n), kept.map((one) => `${JSON.stringify(one)}\n`).join(''));
    }
    return count;
  }

  /**
   * Deletes segments before the one being read whose last receipt is older than `age_ms`; returns the bytes freed.
   * The segment goes before its receipts: dying in between leaves a stray `.ack`, which goes the next time.
   */
  deleteSettled(age_ms = KEPT_MS, now = Date.now()): number {
    let bytes = 0;
    const reading = this.current?.n ?? 0;
    for (const n of listSegments(this.folder).filter((segment) => segment < reading)) {
      const ack = statSync(ackFile(this.folder, n), { throwIfNoEntry: false });
      if (!ack || now - ack.mtimeMs < age_ms) continue;
      bytes += ack.size + statSync(segmentFile(this.folder, n)).size;
      unlinkSync(segmentFile(this.folder, n));
      unlinkSync(ackFile(this.folder, n));
    }
    return bytes;
  }

  private open(n: number | undefined): Segment | null {
    if (n === undefined) return null;
    const settlements = readSettlements(this.folder, n);
    this.learnKnown(settlements);
    return { n, offset: 0, settled: new Set(settlements.map(({ id }) => id)), isAckTorn: true };
  }

  private learnKnown(settlements: readonly Settlement[]): void {
    for (const one of settlements) {
      if ('refused' in one || !isNewer(one, this.known)) continue;
      this.known = { epoch: one.epoch, seq: one.seq, hash: one.hash };
    }
  }

  private learnLedger(ledger: string): void {
    if (this.knownLedger === ledger) return;
    const meta = readMeta(this.folder);
    if (meta.ledger === null) writeMeta(this.folder, { ...meta, ledger });
    this.knownLedger = ledger;
  }
}

export interface FolderFacts {
  events: number;
  pending: number;
  /** Torn or damaged ends that were cut off. */
  torn: number;
  next: { seq: number; segment: number };
  /** Stream of the run that this producer recorded, and its attempt, for what must be declared later. */
  runStream: string | null;
  attempt: string | null;
  newestAck_ms: number;
}

/**
 * Reads a dead process's whole folder once: cuts off what a kill tore, and counts. Everything before a torn entry is
 * kept. Bytes that are damaged rather than torn go to a file beside the segment before they are cut off.
 */
export async function inspectFolder(folder: string): Promise<FolderFacts> {
  const facts: FolderFacts = {
    events: 0,
    pending: 0,
    torn: 0,
    next: { seq: 0, segment: 0 },
    runStream: null,
    attempt: null,
    newestAck_ms: 0,
  };
  for (const n of listSegments(folder)) {
    const path = segmentFile(folder, n);
    const { events, bytes, end } = await readEntries(path, 0);
    if (end < bytes.length) {
      facts.torn += 1;
      appendFileSync(`${path}.torn`, bytes.subarray(end), { mode: 0o600 });
      truncateSync(path, end);
    }
    const settled = new Set(readSettlements(folder, n).map(({ id }) => id));
    for (const { event } of events) {
      facts.events += 1;
      if (!settled.has(event.id)) facts.pending += 1;
      facts.next.seq = Math.max(facts.next.seq, (event.producer?.seq ?? -1) + 1);
      if (event.stream.startsWith('run/')) facts.runStream ??= event.stream;
      if (event.type === 'run.attempt-started') facts.attempt = event.id;
    }
    facts.next.segment = n + 1;
    const ack = statSync(ackFile(folder, n), { throwIfNoEntry: false });
    facts.newestAck_ms = Math.max(facts.newestAck_ms, ack?.mtimeMs ?? 0);
  }
  return facts;
}

/** Length and checksum before each body. */
const ENTRY_HEADER_BYTES = 8;

interface Entries {
  events: (StoredEvent & { end: number })[];
  bytes: Uint8Array;
  /** Where the whole entries end, counted from the offset. */
  end: number;
}

/**
 * Whole entries from an offset on. A body that is no JSON ends them like a broken checksum: a power cut can leave a tail
 * of zeros, which reads as entries of length 0 with the right checksum.
 */
async function readEntries(path: string, offset: number): Promise<Entries> {
  const bytes = (await readFile(path)).subarray(offset);
  const events: Entries['events'] = [];
  let end = 0;
  for (const body of decodeSpoolSegment(bytes).bodies) {
    const stored = parseBody(body);
    if (!stored) break;
    end += ENTRY_HEADER_BYTES + body.length;
    events.push({ ...stored, end });
  }
  return { events, bytes, end };
}

function parseBody(body: Uint8Array): StoredEvent | null {
  try {
    const text = fromUtf8(body);
    return { text, event: JSON.parse(text) as StoredEvent['event'] };
  } catch {
    return null;
  }
}

function take(found: Entries, settled: ReadonlySet<string>, max: { count_max: number; bytes_max: number }) {
  const events: StoredEvent[] = [];
  let bytes = 0;
  let end = 0;
  for (const { text, event, end: entryEnd } of found.events) {
    if (!settled.has(event.id)) {
      const size = Buffer.byteLength(text) + 1;
      if (events.length > 0 && (events.length >= max.count_max || bytes + size > max.bytes_max)) break;
      events.push({ text, event });
      bytes += size;
    }
    end = entryEnd;
  }
  return { events, end };
}

/** Lines that a kill cut short are left out: their events are sent again. */
export function readSettlements(folder: string, n: number): Settlement[] {
  const path = ackFile(folder, n);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').split('\n').flatMap(parseSettlement);
}

function parseSettlement(line: string): Settlement[] {
  try {
    const value = JSON.parse(line) as Settlement;
    return isReceipt(value) || (typeof value.id === 'string' && 'refused' in value) ? [value] : [];
  } catch {
    return [];
  }
}
