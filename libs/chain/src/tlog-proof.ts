import { fromBase64, toBase64 } from './bytes.js';
import { HASH_LENGTH } from './record.js';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** An inclusion path in a tree below 2^53 leaves is never longer. */
const PATH_MAX = 53;

/** A C2SP tlog-proof: an entry's place, its inclusion path, and the signed head (note text) that it leads to. */
export interface TlogProof {
  index: number;
  path: readonly Uint8Array[];
  headNote: string;
  /** Opaque and not authenticated. We write none, and keep one that we read. */
  extra?: Uint8Array;
}

/** The proof's text. Throws a TypeError where `parseTlogProof` would refuse it. */
export function formatTlogProof({ index, path, headNote, extra }: TlogProof): string {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...path.map(toBase64),
    '',
    headNote,
  ];
  const text = lines.join('\n');
  parseTlogProof(text);
  return text;
}

/** Reads a proof's text. Throws a TypeError; neither path nor head is verified here. */
export function parseTlogProof(text: string): TlogProof {
  const separator = text.indexOf('\n\n');
  if (separator < 0) throw new TypeError('a tlog-proof has an empty line before its head');
  const [header, ...lines] = text.slice(0, separator).split('\n', PATH_MAX + 4);
  if (header !== HEADER) throw new TypeError(`a tlog-proof begins with ${HEADER}`);
  const extra = lines[0]?.startsWith('extra ') ? fromBase64((lines.shift() as string).slice(6)) : undefined;
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '')?.[1];
  if (index === undefined || !Number.isSafeInteger(Number(index))) throw new TypeError('a tlog-proof names its index');
  const path = lines.map(fromBase64);
  if (path.length > PATH_MAX || path.some((hash) => hash.length !== HASH_LENGTH)) {
    throw new TypeError(`a tlog-proof has at most ${PATH_MAX} hashes of 32 bytes`);
  }
  const headNote = text.slice(separator + 2);
  return { index: Number(index), path, headNote, ...(extra === undefined ? {} : { extra }) };
}
