/** What a column takes. `jsonb` takes the text of a JSON value, `timestamptz` and the like take theirs. */
export interface ColumnValue {
  readonly int4: number;
  readonly int8: number;
  readonly float8: number;
  readonly bool: boolean;
  readonly bytea: Uint8Array;
  readonly text: string;
  readonly uuid: string;
  readonly jsonb: string;
  readonly timestamptz: string;
}
export type ColumnType = keyof ColumnValue;

/** The element type that travels: a type without a binary form here goes as its text, which the statement casts. */
export const wireType = (type: ColumnType): ColumnType => (encoders[type] ? type : 'text');

/**
 * A column of values as Postgres' binary form of an array: as text, the driver would quote every element and the server read
 * it back, which takes several times as long. Format: array_recv of Postgres' source, arrayfuncs.c.
 */
export function arrayParameter<Type extends ColumnType>(
  type: Type,
  values: readonly (ColumnValue[Type] | null)[],
): Buffer {
  const encoder = encoders[wireType(type)] as Encoder<ColumnValue[Type]>;
  let length = HEADER_LENGTH + 4 * values.length;
  for (const value of values) if (value !== null) length += encoder.lengthOf(value);
  const bytes = Buffer.allocUnsafe(length);
  writeHeader(bytes, encoder.oid, values);
  let at = HEADER_LENGTH;
  for (const value of values) {
    if (value === null) {
      at = bytes.writeInt32BE(-1, at);
      continue;
    }
    const end = encoder.write(bytes, value, at + 4);
    bytes.writeInt32BE(end - at - 4, at);
    at = end;
  }
  return bytes;
}

const HEADER_LENGTH = 20;

function writeHeader(bytes: Buffer, oid: number, values: readonly unknown[]): void {
  bytes.writeInt32BE(1, 0); // dimensions
  bytes.writeInt32BE(values.includes(null) ? 1 : 0, 4);
  bytes.writeInt32BE(oid, 8);
  bytes.writeInt32BE(values.length, 12);
  bytes.writeInt32BE(1, 16); // first subscript
}

interface Encoder<Value> {
  readonly oid: number;
  /** Exactly as many bytes as `write` takes. */
  readonly lengthOf: (value: Value) => number;
  /** Writes from `at` on and returns where it ends. */
  readonly write: (bytes: Buffer, value: Value, at: number) => number;
}

const encoders: { readonly [Type in ColumnType]?: Encoder<ColumnValue[Type]> } & {
  readonly text: Encoder<string>;
} = {
  int4: { oid: 23, lengthOf: () => 4, write: (bytes, value, at) => bytes.writeInt32BE(value, at) },
  int8: { oid: 20, lengthOf: () => 8, write: writeInt8 },
  float8: { oid: 701, lengthOf: () => 8, write: (bytes, value, at) => bytes.writeDoubleBE(value, at) },
  bool: { oid: 16, lengthOf: () => 1, write: (bytes, value, at) => bytes.writeUInt8(value ? 1 : 0, at) },
  bytea: {
    oid: 17,
    lengthOf: (value) => value.length,
    write: (bytes, value, at) => {
      bytes.set(value, at);
      return at + value.length;
    },
  },
  text: {
    oid: 25,
    lengthOf: (value) => Buffer.byteLength(value),
    write: (bytes, value, at) => at + bytes.write(value, at),
  },
};

/** Integers up to 2^53, which is quicker without a BigInt each. */
function writeInt8(bytes: Buffer, value: number, at: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`found ${value}, wanted an integer below 2^53`);
  bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
  return bytes.writeUInt32BE(value >>> 0, at + 4);
}
