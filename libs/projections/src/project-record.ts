import {
  toHex,
  type EnvelopeProducer,
  type Envelope,
  type PayloadState,
  type RetentionClass,
  type SealedRecord,
} from '@runseal/chain';
import { eventTypes, isEventType, upcast, type EventType } from '@runseal/contracts';
import { PoisonRecordError } from '@runseal/messaging';
import type { ProjectedRecord } from './projection.js';

/**
 * Reads a verified record for a projection. Throws PoisonRecordError for an envelope that is none, and for a type or version
 * that this build does not know. The payload is parsed at the first look, since most projections need few of them.
 */
export function projectRecord(record: SealedRecord): ProjectedRecord {
  const envelope = readEnvelope(record);
  const { type, version } = envelope;
  if (!isEventType(type)) throw unknown(record.seq, `type ${type}`);
  if (!Number.isInteger(version) || version < 1 || version > eventTypes[type].version) {
    throw unknown(record.seq, `version ${version} of ${type}`);
  }
  return new RecordView(record, envelope, type) as ProjectedRecord;
}

class RecordView {
  readonly seq: number;
  readonly epoch: number;
  readonly hash: string;
  readonly stream: string;
  readonly version: number;
  readonly actor: string;
  readonly class: RetentionClass;
  readonly occurred_at: string | null;
  readonly sealed_at: string;
  readonly producer: EnvelopeProducer | null;
  readonly id: string;
  readonly payload_state: PayloadState;
  private parsed: unknown;

  constructor(
    private readonly record: SealedRecord,
    envelope: Envelope,
    readonly type: EventType,
  ) {
    this.seq = record.seq;
    this.epoch = record.epoch;
    this.hash = toHex(record.hash);
    this.stream = envelope.stream;
    this.version = envelope.version;
    this.actor = envelope.actor;
    this.class = envelope.class;
    this.occurred_at = envelope.occurred_at;
    this.sealed_at = envelope.sealed_at;
    this.producer = envelope.producer;
    this.id = envelope.id;
    this.payload_state = record.payloadState;
  }

  get payload(): unknown {
    if (this.parsed === undefined) this.parsed = this.parse();
    return this.parsed;
  }

  private parse(): unknown {
    const { payload, seq } = this.record;
    if (payload === null) return null;
    try {
      return upcast(this.type, this.version, JSON.parse(textOf(payload)));
    } catch (cause) {
      throw new PoisonRecordError(seq, 'its payload cannot be read', { cause });
    }
  }
}

/** The hash was verified, and with it that the envelope is a canonical one. */
function readEnvelope(record: SealedRecord): Envelope {
  try {
    return JSON.parse(textOf(record.envelope)) as Envelope;
  } catch (cause) {
    throw new PoisonRecordError(record.seq, 'its envelope is no JSON', { cause });
  }
}

const unknown = (seq: number, what: string): PoisonRecordError =>
  new PoisonRecordError(seq, `this build does not know ${what}; run a newer one`);

/** Buffers make the text of bytes several times quicker than TextDecoder does. */
const textOf = (text: string | Uint8Array): string =>
  typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString();
