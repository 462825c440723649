/** A signed head, as far as a person reads it. Whether its signature holds is for `runseal verify` to say. */
export interface SignedHead {
  /** `<install>/<ledger>/<epoch>`. */
  readonly origin: string;
  /** Records that it covers. */
  readonly size: number;
  /** 64 hex digits. */
  readonly root: string;
}

/** Reads a C2SP tlog-checkpoint note; null where the text is none. */
export function readHeadNote(note: string): SignedHead | null {
  const [origin = '', size = '', root = ''] = note.split('\n');
  if (origin === '' || !/^(0|[1-9][0-9]*)$/.test(size) || !/^[A-Za-z0-9+/]{43}=$/.test(root)) return null;
  const bytes = Array.from(atob(root), (character) => character.charCodeAt(0).toString(16).padStart(2, '0'));
  return { origin, size: Number(size), root: bytes.join('') };
}
