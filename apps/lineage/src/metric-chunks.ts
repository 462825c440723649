import { createHash } from 'node:crypto';
import type { LoggedRow } from '@runseal/rules';

/** Rows of one event that have the same kind and metric names, as columns of little-endian doubles. */
export interface MetricChunk {
  readonly kind: LoggedRow['kind'];
  /** Counts within the event. */
  readonly part: number;
  readonly keySet: KeySet;
  readonly rows: number;
  /** NaN where a row has none; null where no row has an epoch, or all n are 0. */
  readonly steps: Buffer;
  readonly epochs: Buffer | null;
  readonly ns: Buffer | null;
  /** JSON array of times; null where no row has one. */
  readonly ats: string | null;
  /** A column for each name of the key set. */
  readonly data: Buffer;
  readonly step_min: number | null;
  readonly step_max: number | null;
}

export interface KeySet {
  /** A UUID made of the names. */
  readonly id: string;
  readonly keys: readonly string[];
}

/** Splits rows into chunks. Values, non-finite ones too, come back as they were: every metric value is a double. */
export function chunksOf(rows: readonly LoggedRow[]): MetricChunk[] {
  const groups: { kind: LoggedRow['kind']; keys: readonly string[]; rows: LoggedRow[] }[] = [];
  let last: (typeof groups)[number] | undefined;
  for (const row of rows) {
    const keys = Object.keys(row.values);
    if (!last || last.kind !== row.kind || !isSame(last.keys, keys)) {
      last = groups.find((group) => group.kind === row.kind && isSame(group.keys, keys));
      if (!last) groups.push((last = { kind: row.kind, keys, rows: [] }));
    }
    last.rows.push(row);
  }
  return groups.map((group, part) => chunkOf(group, part));
}

/** A metric value as a double, and back. */
export const toDouble = (value: number | string): number => (typeof value === 'number' ? value : Number(value));
export const fromDouble = (value: number): number | 'NaN' | 'Infinity' | '-Infinity' =>
  Number.isFinite(value) ? value : (String(value) as 'NaN');

/** What bytes of `steps`, `data` and the like hold. The bytes may lie anywhere: they are copied where they are not aligned. */
export function doublesOf(bytes: Uint8Array): Float64Array {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  return new Float64Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 8);
}

function chunkOf(
  { kind, keys, rows }: { kind: LoggedRow['kind']; keys: readonly string[]; rows: readonly LoggedRow[] },
  part: number,
): MetricChunk {
  const count = rows.length;
  const bytes = Buffer.allocUnsafe(8 * count * (3 + keys.length));
  let step_min: number | null = null;
  let step_max: number | null = null;
  let [hasTimes, hasEpochs, hasNumbers] = [false, false, false];
  rows.forEach(({ step, epoch, n, at, values }, index) => {
    bytes.writeDoubleLE(step ?? Number.NaN, 8 * index);
    bytes.writeDoubleLE(epoch ?? Number.NaN, 8 * (count + index));
    bytes.writeDoubleLE(n, 8 * (2 * count + index));
    keys.forEach((key, column) => {
      bytes.writeDoubleLE(toDouble(values[key] as number | string), 8 * ((3 + column) * count + index));
    });
    if (step !== null) {
      step_min = step_min === null || step < step_min ? step : step_min;
      step_max = step_max === null || step > step_max ? step : step_max;
    }
    hasTimes ||= at !== null;
    hasEpochs ||= epoch !== null;
    hasNumbers ||= n !== 0;
  });
  const column = (from: number, to = from + 1) => bytes.subarray(8 * count * from, 8 * count * to);
  return {
    kind,
    part,
    keySet: keySetOf(keys),
    rows: count,
    steps: column(0),
    epochs: hasEpochs ? column(1) : null,
    ns: hasNumbers ? column(2) : null,
    ats: hasTimes ? JSON.stringify(rows.map(({ at }) => at)) : null,
    data: column(3, 3 + keys.length),
    step_min,
    step_max,
  };
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((key, index) => key === other[index]);

const KEY_SETS_KEPT = 10_000;
const keySets = new Map<string, KeySet>();

/** Names come in the order in which JavaScript has them, which is the same for equal sets in canonical JSON. */
function keySetOf(keys: readonly string[]): KeySet {
  const text = JSON.stringify(keys);
  const known = keySets.get(text);
  if (known) return known;
  if (keySets.size >= KEY_SETS_KEPT) keySets.clear();
  const keySet = { id: uuidOf(`runseal.key-set.v1\n${text}`), keys };
  keySets.set(text, keySet);
  return keySet;
}

/** The first 16 bytes of the text's SHA-256, written as a UUID. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
