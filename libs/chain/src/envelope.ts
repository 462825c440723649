import { canonicalJson } from './canonical-json.js';
import { toUtf8 } from './bytes.js';

export const retentionClasses = ['permanent', 'metrics', 'telemetry', 'logs'] as const;
export type RetentionClass = (typeof retentionClasses)[number];

export interface EnvelopeProducer {
  client: string;
  id: string;
  seq: number;
}

/** A sealed event without its payload: exactly these members. */
export interface Envelope {
  /** The opaque id of a principal. */
  actor: string;
  class: RetentionClass;
  id: string;
  /** As submitted; null where the source told none. */
  occurred_at: string | null;
  producer: EnvelopeProducer | null;
  /** `YYYY-MM-DDTHH:MM:SS.sssZ`. */
  sealed_at: string;
  stream: string;
  type: string;
  version: number;
}

const memberNames = 'actor,class,id,occurred_at,producer,sealed_at,stream,type,version';
const producerNames = 'client,id,seq';

/** The canonical bytes of an envelope, the ones to store. Throws a TypeError unless it has exactly an envelope's members. */
export function envelopeBytes(envelope: Envelope): Uint8Array {
  const text = canonicalJson(envelope);
  parseEnvelope(text);
  return toUtf8(text);
}

/**
 * Reads an envelope's stored text. Throws a TypeError unless the text is canonical and has exactly an envelope's members
 * with their types. What the values mean (known type, shape of ids, legal times) is not judged here but by `contracts`.
 */
export function parseEnvelope(text: string): Envelope {
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch (cause) {
    throw new TypeError('envelope is not JSON', { cause });
  }
  if (!isEnvelope(envelope)) throw new TypeError('envelope has other members or types than an envelope');
  // Its members stand in canonical order and hold only strings, small integers and null, which JSON.stringify writes as
  // RFC 8785 does: so equal text is canonical text, and a doubled member or a needless escape shows as a difference.
  if (JSON.stringify(envelope) !== text) throw new TypeError('envelope is not in its canonical form');
  return envelope;
}

function isEnvelope(value: unknown): value is Envelope {
  if (value === null || typeof value !== 'object' || Object.keys(value).join() !== memberNames) return false;
  const { actor, class: retention, id, occurred_at, producer, sealed_at, stream, type, version } = value as Envelope;
  return (
    isText(actor) &&
    retentionClasses.includes(retention) &&
    isText(id) &&
    (occurred_at === null || isText(occurred_at)) &&
    (producer === null || isProducer(producer)) &&
    isText(sealed_at) &&
    isText(stream) &&
    isText(type) &&
    isCount(version)
  );
}

function isProducer(value: unknown): value is EnvelopeProducer {
  if (value === null || typeof value !== 'object' || Object.keys(value).join() !== producerNames) return false;
  const { client, id, seq } = value as EnvelopeProducer;
  return isText(client) && isText(id) && isCount(seq);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
