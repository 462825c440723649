import { compareBytes, concatBytes, toUtf8 } from './bytes.js';
import { canonicalJson } from './canonical-json.js';

/** One regular file of a folder: path relative with `/`, digest as 64 lower-case hex digits, size in bytes. */
export interface ManifestEntry {
  path: string;
  sha256: string;
  size: number;
}

/**
 * The bytes of a directory manifest, whose SHA-256 is the folder's digest; entries may come in any order. Throws a TypeError on a
 * path that is absolute, empty, doubled or climbs out, and on what is no digest or size. Which files belong in is the caller's to say.
 */
export function manifestBytes(entries: readonly ManifestEntry[]): Uint8Array {
  const keyed = entries.map((entry) => ({ entry: requireEntry(entry), key: toUtf8(entry.path) }));
  // By bytes: JavaScript's own order of UTF-16 puts characters beyond U+FFFF before U+E000.
  keyed.sort((left, right) => compareBytes(left.key, right.key));
  keyed.forEach(({ entry }, index) => {
    if (entry.path === keyed[index - 1]?.entry.path)
      throw new TypeError(`path "${entry.path}" stands twice in a manifest`);
  });
  const lines = keyed.map(({ entry: { path, sha256, size } }) => toUtf8(`${canonicalJson({ path, sha256, size })}\n`));
  return concatBytes(toUtf8('runseal.manifest.v1\n'), ...lines);
}

function requireEntry(entry: ManifestEntry): ManifestEntry {
  const { path, sha256, size } = entry;
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new TypeError(`path "${path}" is not relative with plain parts`);
  }
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError(`sha256 of "${path}" is not 64 lower-case hex digits`);
  if (!Number.isSafeInteger(size) || size < 0) throw new TypeError(`size of "${path}" is ${size}`);
  return entry;
}
