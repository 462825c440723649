import { closeSync, fdatasync, fsync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { encodeSpoolEntry, toUtf8, type RetentionClass } from '@runseal/chain';
import type { SubmittedEvent } from '@runseal/contracts';
import type { Teller } from './say.js';
import { makeFolder, SEGMENT_BYTES, segmentFile, writeMeta, writeOwner } from './spool-layout.js';
import { CLIENT } from './client-name.js';

export type Draft = Omit<SubmittedEvent, 'producer'>;

export interface SpoolOptions {
  root: string;
  producer: string;
  url: string | null;
  limit_bytes: number;
  /** Bytes that the spool's other folders take already. */
  othersBytes: number;
  teller: Teller;
  /** Deletes acknowledged segments of this folder and returns the bytes freed. */
  freeAcknowledged: () => number;
  segment_bytes?: number;
  /** Continues a dead process's folder: its next counter and next free segment. */
  next?: { seq: number; segment: number };
}

export interface HeldEvent {
  id: string;
  text: string;
}

/** Lifecycle events that the disk does not take wait in memory, at most this many bytes of them. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;
/** How long a class stays refused after the disk was full, before it is tried again. */
const FULL_PAUSE_MS = 5000;
/** Share of the limit up to which a class is accepted: telemetry gives way first, then logs, then metrics. */
const shareOfLimit: Record<RetentionClass, number> = { telemetry: 0.9, logs: 0.95, metrics: 1, permanent: Infinity };
const rankOf: Record<RetentionClass, number> = { telemetry: 1, logs: 2, metrics: 3, permanent: 4 };

/**
 * The writing end of one producer's folder. An event is accepted when its bytes are with the kernel: a SIGKILL then
 * loses nothing. The disk is told to keep them (fdatasync) after every lifecycle event and when a segment is closed, in
 * the background; a power cut loses at most the metrics since then. Nothing here throws.
 */
export class Spool {
  readonly folder: string;
  private seq: number;
  private segment: number;
  private fd: number | null = null;
  private segmentBytes = 0;
  private usedBytes: number;
  private held: { event: HeldEvent; bytes: Uint8Array }[] = [];
  private heldBytes = 0;
  private fullRank = 0;
  private fullUntil = 0;
  private syncing: Promise<void> = Promise.resolve();
  private syncWaits = false;
  private closed = false;

  constructor(private readonly options: SpoolOptions) {
    this.folder = join(options.root, options.producer);
    this.seq = options.next?.seq ?? 0;
    this.segment = (options.next?.segment ?? 0) - 1;
    this.usedBytes = options.othersBytes;
    if (!options.next) this.prepare();
  }

  /** Events accepted so far, and so the counter that the next one gets. */
  get count(): number {
    return this.seq;
  }

  /** Accepted lifecycle events that the disk does not take: they are younger than all that lies on it. */
  get inMemory(): readonly HeldEvent[] {
    return this.held.map(({ event }) => event);
  }

  /** Gives the event its counter and keeps it, or returns null: refused for want of space. */
  accept(draft: Draft, retention: RetentionClass): SubmittedEvent | null {
    if (this.closed) return null;
    const producer = { id: this.options.producer, seq: this.seq, client: CLIENT };
    const { id, type, version, stream, occurred_at, payload, ...expect } = draft;
    const event = { id, type, version, stream, occurred_at, producer, payload, ...expect } as SubmittedEvent;
    const text = JSON.stringify(event);
    const bytes = encodeSpoolEntry(toUtf8(text));
    this.writeHeld();
    const taken =
      (this.admits(retention, bytes.length) && this.held.length === 0 && this.append(bytes, retention)) ||
      (retention === 'permanent' && this.hold({ event: { id, text }, bytes }));
    if (!taken) return null;
    this.seq += 1;
    if (retention === 'permanent') this.sync();
    return event;
  }

  /** The sender has delivered these from memory; returns those that have been written to the disk meanwhile. */
  release(ids: ReadonlySet<string>): string[] {
    const before = new Set(this.held.map(({ event }) => event.id));
    this.held = this.held.filter(({ event }) => !ids.has(event.id));
    this.heldBytes = this.held.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return [...ids].filter((id) => !before.has(id));
  }

  /** Tries once more to write what waits in memory. */
  writeHeld(): void {
    if (this.held.length === 0 || (Date.now() < this.fullUntil && this.fullRank > 3)) return;
    while (this.held[0] && this.append(this.held[0].bytes, 'permanent')) {
      this.heldBytes -= this.held[0].bytes.length;
      this.held.shift();
    }
  }

  freed(bytes: number): void {
    this.usedBytes -= bytes;
  }

  /** Resolves when all accepted so far is on the disk, as far as the disk tells. */
  async synced(): Promise<void> {
    this.sync();
    await this.syncing;
  }

  close(): void {
    this.writeHeld();
    this.closed = true;
    this.closeSegment();
  }

  private prepare(): void {
    try {
      makeFolder(this.options.root);
      makeFolder(this.folder);
      // The owner first: a folder with meta.json and no owner is taken for a dead process's.
      writeOwner(this.folder);
      writeMeta(this.folder, { url: this.options.url, ledger: null, format: 1 });
    } catch (error) {
      this.complain(error);
    }
  }

  private admits(retention: RetentionClass, bytes: number): boolean {
    if (retention === 'permanent') return true;
    if (Date.now() < this.fullUntil && rankOf[retention] <= this.fullRank) return false;
    const limit = this.options.limit_bytes * shareOfLimit[retention];
    if (this.usedBytes + bytes <= limit) return true;
    this.freed(this.options.freeAcknowledged());
    if (this.usedBytes + bytes <= limit) return true;
    this.options.teller.once('limit', `the spool has reached its limit: ${retention} is refused and counted`);
    return false;
  }

  private append(bytes: Uint8Array, retention: RetentionClass): boolean {
    if (this.write(bytes)) return true;
    const freed = this.options.freeAcknowledged();
    this.freed(freed);
    if (freed > 0 && this.write(bytes)) return true;
    // The refused class and those that give way before it are left alone for a while; the rest is still tried.
    this.fullRank = Date.now() < this.fullUntil ? Math.max(this.fullRank, rankOf[retention]) : rankOf[retention];
    this.fullUntil = Date.now() + FULL_PAUSE_MS;
    return false;
  }

  private write(bytes: Uint8Array): boolean {
    try {
      if (this.fd === null || this.segmentBytes + bytes.length > (this.options.segment_bytes ?? SEGMENT_BYTES)) {
        this.openSegment();
      }
      const fd = this.fd as unknown as number;
      for (let done = 0; done < bytes.length;) {
        done += writeSync(fd, bytes, done, bytes.length - done, this.segmentBytes + done);
      }
      this.segmentBytes += bytes.length;
      this.usedBytes += bytes.length;
      this.options.teller.passed('disk');
      return true;
    } catch (error) {
      this.complain(error);
      this.cutBack();
      return false;
    }
  }

  /** Half an entry must not stay before the next one: readers stop at it. */
  private cutBack(): void {
    if (this.fd === null) return;
    try {
      ftruncateSync(this.fd, this.segmentBytes);
    } catch {
      // The next entry goes to a segment of its own; recovery cuts the half one off the end of this one.
      this.closeSegment();
    }
  }

  private openSegment(): void {
    const fd = openSync(segmentFile(this.folder, this.segment + 1), 'wx', 0o600);
    this.closeSegment();
    this.fd = fd;
    this.segment += 1;
    this.segmentBytes = 0;
    this.syncFolder();
  }

  private closeSegment(): void {
    const fd = this.fd;
    if (fd === null) return;
    this.fd = null;
    this.syncing = this.syncing.then(() => this.fdatasync(fd)).finally(() => closeSync(fd));
  }

  /** At most one waits behind the one at work: a disk that hangs must not gather a queue. */
  private sync(): void {
    if (this.syncWaits) return;
    this.syncWaits = true;
    this.syncing = this.syncing.then(() => {
      this.syncWaits = false;
      return this.fd === null ? undefined : this.fdatasync(this.fd);
    });
  }

  private fdatasync(fd: number): Promise<void> {
    return new Promise((resolve) => {
      fdatasync(fd, (error) => {
        if (error) this.complain(error);
        resolve();
      });
    });
  }

  private syncFolder(): void {
    const fd = openSync(this.folder, 'r');
    fsync(fd, () => closeSync(fd));
  }

  private hold(waiting: { event: HeldEvent; bytes: Uint8Array }): boolean {
    if (this.heldBytes + waiting.bytes.length > HELD_BYTES_MAX) {
      this.options.teller.once('memory', 'the spool cannot be written and its memory is full: events are lost');
      return false;
    }
    this.held.push(waiting);
    this.heldBytes += waiting.bytes.length;
    return true;
  }

  private complain(error: unknown): void {
    this.options.teller.once(
      'disk',
      `the spool ${this.folder} cannot be written (${(error as Error).message}): lifecycle events wait in memory, the rest is refused and counted`,
    );
  }
}
