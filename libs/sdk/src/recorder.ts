import { randomUUID } from 'node:crypto';
import {
  eventTypes,
  limits,
  validateEvent,
  type EventPayload,
  type EventType,
  type RetentionClass,
} from '@runseal/contracts';
import type { SubmittedEvent } from '@runseal/contracts';
import { v7 as uuidv7 } from 'uuid';
import type { ClientConfig } from './config.js';
import { Courier } from './courier.js';
import { Outbox } from './outbox.js';
import type { Receipt } from './receipt.js';
import type { Teller } from './say.js';
import { Sender } from './sender.js';
import { keepRefused, type SetAside } from './set-aside.js';
import { Spool, type Draft } from './spool.js';
import { markDone, measureSpool, sweepDone } from './spool-layout.js';

/** An event of the caller's own: what is left out is filled in (id, current version, now, the run's stream). */
export interface OwnEvent {
  type: string;
  payload: object;
  id?: string;
  version?: number;
  stream?: string;
  occurred_at?: string | null;
  expect?: SubmittedEvent['expect'];
}

type Refusals = EventPayload<'run.events-dropped'>['not_accepted'][number];

/** One producer: checks events, spools them, has them sent, and declares what was given up. Nothing here throws. */
export class Recorder {
  readonly producer = randomUUID();
  attempt: string | null = null;
  private readonly spool: Spool;
  private readonly outbox: Outbox;
  private readonly sender: Sender | null;
  private readonly courier: Courier | null;
  private deleteNext = Date.now() + 3_600_000;
  private readonly refusals = new Map<RetentionClass, Refusals>();

  constructor(
    private readonly config: ClientConfig,
    readonly run: string,
    private readonly teller: Teller,
    onReceipts?: (receipts: Receipt[]) => void,
  ) {
    this.spool = new Spool({
      root: config.spoolDir,
      producer: this.producer,
      url: config.url,
      limit_bytes: config.spoolLimit_bytes,
      othersBytes: this.measureOthers(),
      teller,
      freeAcknowledged: () => this.freeAcknowledged(),
    });
    this.outbox = new Outbox(this.spool.folder);
    this.sender = this.makeSender(onReceipts);
    this.courier = this.sender && new Courier(this.sender, teller);
    this.courier?.start();
  }

  get count(): number {
    return this.spool.count;
  }

  /** Accepted and neither sealed nor set aside. */
  get spooled(): number {
    return this.spool.count - (this.sender?.settled ?? 0);
  }

  get setAside(): number {
    return this.sender?.setAside ?? 0;
  }

  get refused(): number {
    return [...this.refusals.values()].reduce((sum, { count }) => sum + count, 0);
  }

  get folder(): string {
    return this.spool.folder;
  }

  /** Records an event of this run; `weight` is what a refusal counts as (metric rows). Returns its id, or null. */
  record<Type extends EventType>(type: Type, payload: EventPayload<Type>, weight = 1): string | null {
    return this.recordOwn({ type, payload }, weight);
  }

  /** The same for an event of the caller's own making. */
  recordOwn(own: OwnEvent, weight = 1): string | null {
    const facts = Object.hasOwn(eventTypes, own.type) ? eventTypes[own.type as EventType] : undefined;
    const draft = {
      id: own.id ?? uuidv7(),
      type: own.type,
      version: own.version ?? facts?.version ?? 1,
      stream: own.stream ?? `run/${this.run}`,
      occurred_at: own.occurred_at === undefined ? new Date().toISOString() : own.occurred_at,
      payload: own.payload,
      ...(own.expect && { expect: own.expect }),
    } as Draft;
    const fault = this.findFault(draft);
    if (fault) return this.refuseInvalid(draft, fault);
    const retention = facts?.class ?? 'permanent';
    return this.accept(draft, retention, weight);
  }

  private accept(draft: Draft, retention: RetentionClass, weight: number): string | null {
    const event = this.spool.accept(draft, retention);
    if (!event) {
      this.countRefusal(retention, weight);
      return null;
    }
    // Space is there again: what was refused meanwhile is declared before anything else is refused.
    if (this.refusals.has(retention)) this.declareRefusals();
    this.courier?.notify();
    return event.id;
  }

  async drain(limit_ms: number): Promise<void> {
    await this.courier?.drain(limit_ms);
  }

  async synced(): Promise<void> {
    await this.spool.synced();
  }

  /** Ends the producer when all is delivered: its folder may go after 7 days. */
  close(): void {
    this.spool.close();
    try {
      markDone(this.spool.folder, true);
    } catch (error) {
      this.teller.once('done', `${this.spool.folder} cannot be marked as delivered: ${(error as Error).message}`);
    }
  }

  /** Deletes what was acknowledged more than 7 days ago, once an hour at most. */
  private deleteExpired(): void {
    if (Date.now() < this.deleteNext) return;
    this.deleteNext = Date.now() + 3_600_000;
    this.spool.freed(this.outbox.deleteSettled());
  }

  private findFault(draft: Draft): { code: string; detail: string } | null {
    const refusal = validateEvent({ ...draft, producer: null });
    if (refusal) return { code: refusal.code, detail: refusal.message };
    const bytes = Buffer.byteLength(JSON.stringify(draft.payload));
    if (bytes <= limits.payloadBytes) return null;
    return { code: 'too_large', detail: `the payload has ${bytes} bytes, the limit is ${limits.payloadBytes}` };
  }

  /** An event that no server would take is kept where the refused ones lie; it was never accepted, so nothing counts it. */
  private refuseInvalid(draft: Draft, { code, detail }: { code: string; detail: string }): null {
    const problem = { status: 0, code, detail, errors: [] };
    try {
      const path = keepRefused(this.config.spoolDir, JSON.stringify(draft), { id: draft.id, code, problem });
      this.teller.once(`invalid ${draft.type}`, `${draft.type} is not recorded: ${detail}; it lies in ${path}`);
    } catch (error) {
      this.teller.once(`invalid ${draft.type}`, `${draft.type} is lost: ${detail} (${(error as Error).message})`);
    }
    return null;
  }

  private countRefusal(retention: RetentionClass, weight: number): void {
    if (retention === 'permanent') return;
    const now = new Date().toISOString();
    const before = this.refusals.get(retention);
    if (before) Object.assign(before, { count: before.count + weight, last_at: now });
    else this.refusals.set(retention, { class: retention, count: weight, first_at: now, last_at: now });
  }

  /** Says what the spool did not accept since the last such declaration; called when it accepts again, and before the end. */
  declareRefusals(): void {
    if (this.refusals.size === 0) return;
    const not_accepted = [...this.refusals.values()];
    if (this.declare({ not_accepted, set_aside: [] })) this.refusals.clear();
  }

  private declare(payload: Pick<EventPayload<'run.events-dropped'>, 'not_accepted' | 'set_aside'>): boolean {
    return this.record('run.events-dropped', { attempt: this.attempt, ...payload }) !== null;
  }

  private declareSetAside(set_aside: SetAside[]): void {
    this.declare({ not_accepted: [], set_aside });
  }

  private makeSender(onReceipts?: (receipts: Receipt[]) => void): Sender | null {
    const { url, apiKey, spoolDir } = this.config;
    if (url === null || apiKey === null) return null;
    return new Sender({
      root: spoolDir,
      outbox: this.outbox,
      door: { url, apiKey },
      teller: this.teller,
      declare: (setAside) => this.declareSetAside(setAside),
      ...(onReceipts && { onReceipts }),
      inMemory: () => {
        this.deleteExpired();
        this.spool.writeHeld();
        return this.spool.inMemory;
      },
      release: (ids) => this.spool.release(ids),
    });
  }

  private freeAcknowledged(): number {
    try {
      return this.outbox.deleteSettled(0) + sweepDone(this.config.spoolDir, 0);
    } catch (error) {
      this.teller.once('free', `acknowledged segments cannot be deleted: ${(error as Error).message}`);
      return 0;
    }
  }

  private measureOthers(): number {
    try {
      sweepDone(this.config.spoolDir);
      return measureSpool(this.config.spoolDir);
    } catch (error) {
      this.teller.once('measure', `the spool cannot be measured: ${(error as Error).message}`);
      return 0;
    }
  }
}
