import { fromBase64, toBase64, type Ed25519Verify } from './bytes.js';
import { NoteError, openNote, signNote, type NoteSigner, type VerifierKey } from './note.js';
import { HASH_LENGTH } from './record.js';

/** A ledger at one size: what a C2SP tlog-checkpoint states. Signed, it is a note whose key is named by the origin. */
export interface Head {
  origin: string;
  size: number;
  root: Uint8Array;
}

export interface Origin {
  install: string;
  ledger: string;
  epoch: number;
}

const namePattern = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const countPattern = /^(0|[1-9][0-9]{0,15})$/;

/** `<install>/<ledger>/<epoch>`. Throws a TypeError on a name or an epoch that the format forbids. */
export function formatOrigin({ install, ledger, epoch }: Origin): string {
  const text = `${install}/${ledger}/${epoch}`;
  parseOrigin(text);
  return text;
}

/** The inverse of `formatOrigin`. Throws a TypeError on anything else. */
export function parseOrigin(text: string): Origin {
  const [install = '', ledger = '', epoch = '', more] = text.split('/');
  if (!namePattern.test(install) || !namePattern.test(ledger) || more !== undefined) {
    throw new TypeError(`origin is "${text}", wanted <install>/<ledger>/<epoch>, names of [a-z0-9][a-z0-9.-]{0,62}`);
  }
  return { install, ledger, epoch: parseCount(epoch, 'epoch') };
}

/** The text that is signed. Throws a TypeError on a bad origin, size or root. */
export function formatHead({ origin, size, root }: Head): string {
  parseOrigin(origin);
  if (root.length !== HASH_LENGTH) throw new TypeError(`root has ${root.length} bytes, wanted 32`);
  return `${origin}\n${parseCount(String(size), 'size')}\n${toBase64(root)}\n`;
}

/** The inverse of `formatHead`. Throws a TypeError; extension lines, which our heads never have, are refused. */
export function parseHead(text: string): Head {
  const [origin = '', size = '', encoded = '', end, ...more] = text.split('\n');
  if (end !== '' || more.length > 0) throw new TypeError('a head is exactly three lines: origin, size, root');
  parseOrigin(origin);
  const root = fromBase64(encoded);
  if (root.length !== HASH_LENGTH) throw new TypeError(`root has ${root.length} bytes, wanted 32`);
  return { origin, size: parseCount(size, 'size'), root };
}

/** A head as a signed note. Throws a TypeError unless the first signer's key is named by the origin; others may co-sign. */
export function signHead(head: Head, signers: readonly NoteSigner[]): string {
  if (signers[0]?.key.name !== head.origin)
    throw new TypeError(`a head of ${head.origin} is signed by the key of that name`);
  return signNote(formatHead(head), signers);
}

/**
 * The head of a note that one of the given keys, named by the head's own origin, has signed. Throws a NoteError: `malformed`,
 * `bad_signature`, or `unknown_key`, also where only keys of another name (another epoch, a witness) have signed.
 */
export function openHead(verify: Ed25519Verify, note: string, keys: readonly VerifierKey[]): Head {
  const { text, signedBy } = openNote(verify, note, keys);
  const head = readHead(text);
  if (!signedBy.some((key) => key.name === head.origin)) {
    throw new NoteError('unknown_key', `the head of ${head.origin} is not signed by a given key of that name`);
  }
  return head;
}

function readHead(text: string): Head {
  try {
    return parseHead(text);
  } catch (cause) {
    throw new NoteError('malformed', 'the note is signed but holds no head', { cause });
  }
}

function parseCount(text: string, name: string): number {
  const count = Number(text);
  if (!countPattern.test(text) || !Number.isSafeInteger(count)) {
    throw new TypeError(`${name} is "${text}", wanted a decimal in [0, 2^53) without leading zeros`);
  }
  return count;
}
