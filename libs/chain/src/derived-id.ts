import { concatBytes, toHex, toUtf8, type Sha256 } from './bytes.js';
import { canonicalJson } from './canonical-json.js';

/** What a role that seals derived events may begin their ids with: 1 ingest and imports, 2 gates, 3 registry, 4 mlflow. */
export type DerivingRole = 1 | 2 | 3 | 4;

export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [member: string]: JsonValue };

/** What an event is derived from, and by which rule. */
export interface DerivedEventSource {
  type: string;
  stream: string;
  /** The rule that fired, or whatever else makes the event. */
  rule: string;
  /** Hash of the record that triggers it, 64 hex digits. */
  trigger: string;
  /** The policy's hash, null where none has a say. */
  policy: string | null;
  /** The engine's version. */
  engine: string;
  labels: JsonValue;
}

const tag = toUtf8('runseal.id.v1\n');

/**
 * The id of a derived event: a UUIDv8 of the first 16 bytes of SHA-256("runseal.id.v1" LF canonical JSON of the input), with
 * the role in byte 0, the version in byte 6 and the variant in byte 8. The same input gives the same id, so that whoever
 * derives it again finds its own first receipt. Throws a TypeError on what JSON cannot say.
 */
export function derivedId(role: DerivingRole, input: JsonValue, sha256: Sha256): string {
  const bytes = sha256(concatBytes(tag, toUtf8(canonicalJson(input)))).slice(0, 16);
  bytes[0] = role;
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The input of `derivedId` for an event that a rule derives from a record: its seven parts as a list, in this order. */
export function derivedEventInput(source: DerivedEventSource): JsonValue {
  const { type, stream, rule, trigger, policy, engine, labels } = source;
  return [type, stream, rule, trigger, policy, engine, labels];
}

/**
 * The input for the id of an imported run: `["import.run", principal, first, config]`. `first` is the digest of its first
 * row's bytes as they stand in the file, `config` that of its configuration file, both `sha256:` and hex; null without one.
 */
export function importedRunInput(principal: string, first: string | null, config: string | null): JsonValue {
  return ['import.run', principal, first, config];
}

/**
 * The input for the id of an event of an imported run: `["import.event", run, type, stream, payload]`, `payload` being the
 * SHA-256 of the payload's canonical bytes as hex. The stream tells apart artifacts that look alike but for their digest.
 */
export function importedEventInput(run: string, type: string, stream: string, payload: string): JsonValue {
  return ['import.event', run, type, stream, payload];
}
