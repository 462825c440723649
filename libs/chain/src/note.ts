import { concatBytes, equalBytes, fromBase64, fromHex, toBase64, toHex, toUtf8 } from './bytes.js';
import type { Ed25519Verify, Sha256 } from './bytes.js';

const ED25519_TYPE = 1;
const SIGNATURE_LENGTH = 64;
const SIGNATURES_MAX = 100;

/** A public Ed25519 key with its name; `id` is the 8 hex digits that tell keys of one name apart. */
export interface VerifierKey {
  name: string;
  id: string;
  publicKey: Uint8Array;
}

/** What signs a note: the key's public half and a function that makes a 64-byte Ed25519 signature of a message. */
export interface NoteSigner {
  key: VerifierKey;
  sign: (message: Uint8Array) => Uint8Array;
}

/** `malformed`: no signed note; `unknown_key`: no signature by a given key; `bad_signature`: one by a given key is wrong. */
export type NoteErrorCode = 'malformed' | 'unknown_key' | 'bad_signature';

export class NoteError extends Error {
  override readonly name = 'NoteError';
  readonly code: NoteErrorCode;

  constructor(code: NoteErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A key by its name and 32 raw bytes; the id is derived (C2SP signed-note). Throws a NoteError on a bad name or length. */
export function verifierKey(sha256: Sha256, name: string, publicKey: Uint8Array): VerifierKey {
  if (!isKeyName(name)) throw new NoteError('malformed', `"${name}" is no key name: no spaces, no plus, not empty`);
  if (publicKey.length !== 32) throw new NoteError('malformed', `a key has 32 bytes, found ${publicKey.length}`);
  const digest = sha256(concatBytes(toUtf8(`${name}\n`), Uint8Array.of(ED25519_TYPE), publicKey));
  return { name, id: toHex(digest.subarray(0, 4)), publicKey };
}

/** `<name>+<id>+<base64(0x01 key)>`, the text by which a key is passed on. */
export function formatVerifierKey({ name, id, publicKey }: VerifierKey): string {
  return `${name}+${id}+${toBase64(concatBytes(Uint8Array.of(ED25519_TYPE), publicKey))}`;
}

/** The inverse of `formatVerifierKey`. Throws a NoteError unless the id is the one derived from name and key. */
export function parseVerifierKey(sha256: Sha256, text: string): VerifierKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text);
  if (match === null) throw malformed('verifier key is not <name>+<id>+<key>');
  const [, name = '', id = '', encoded = ''] = match;
  const bytes = decodeBase64(encoded);
  if (bytes[0] !== ED25519_TYPE || bytes.length !== 33) throw malformed('verifier key is not an Ed25519 key');
  const key = verifierKey(sha256, name, bytes.slice(1));
  if (key.id !== id) throw malformed(`verifier key has id ${id}, its name and key give ${key.id}`);
  return key;
}

/** Text and one signature line a signer, in their order. Throws a NoteError if the text may not stand in a note. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  if (signers.length === 0) throw malformed('a note needs a signature');
  requireText(text);
  const lines = signers.map(({ key, sign }) => {
    const signature = sign(toUtf8(text));
    if (signature.length !== SIGNATURE_LENGTH) throw malformed(`a signature has 64 bytes, found ${signature.length}`);
    return `— ${key.name} ${toBase64(concatBytes(fromHex(key.id), signature))}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/**
 * The text of a note and which of the given keys signed it, at least one. Signatures by other keys are ignored, a wrong one by
 * a given key refuses the whole note. Throws a NoteError. Nothing of a refused note may be used.
 */
export function openNote(
  verify: Ed25519Verify,
  note: string,
  keys: readonly VerifierKey[],
): { text: string; signedBy: VerifierKey[] } {
  const { text, signatures } = splitNote(note);
  const message = toUtf8(text);
  const signedBy = new Set<VerifierKey>();
  for (const { name, id, signature } of signatures) {
    for (const key of keys.filter((candidate) => candidate.name === name && candidate.id === id)) {
      if (signature.length !== SIGNATURE_LENGTH || !verify(key.publicKey, message, signature)) {
        throw new NoteError('bad_signature', `the signature of ${name} (${id}) is not of this text`);
      }
      signedBy.add(key);
    }
  }
  if (signedBy.size === 0) {
    const found = signatures.map(({ name, id }) => `${name} (${id})`).join(', ');
    throw new NoteError('unknown_key', `signed by ${found}, by none of the ${keys.length} given keys`);
  }
  return { text, signedBy: [...signedBy] };
}

/** Whether two keys are the same: name, id and bytes. */
export function equalKeys(left: VerifierKey, right: VerifierKey): boolean {
  return left.name === right.name && left.id === right.id && equalBytes(left.publicKey, right.publicKey);
}

interface NoteSignature {
  name: string;
  id: string;
  signature: Uint8Array;
}

function splitNote(note: string): { text: string; signatures: NoteSignature[] } {
  const separator = note.lastIndexOf('\n\n');
  if (separator < 0 || !note.endsWith('\n')) throw malformed('a note is text, an empty line and signature lines');
  const text = note.slice(0, separator + 1);
  requireText(text);
  const lines = note.slice(separator + 2, -1).split('\n', SIGNATURES_MAX + 1);
  if (lines.length > SIGNATURES_MAX) throw malformed(`a note has at most ${SIGNATURES_MAX} signatures`);
  return { text, signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [dash, name = '', encoded = '', more] = line.split(' ');
  if (dash !== '—' || more !== undefined || !isKeyName(name)) {
    throw malformed('a signature line is an em dash, a key name and base64');
  }
  const bytes = decodeBase64(encoded);
  if (bytes.length < 5) throw malformed('a signature is a key id of 4 bytes and the signature');
  return { name, id: toHex(bytes.subarray(0, 4)), signature: bytes.slice(4) };
}

function requireText(text: string): void {
  if (!text.endsWith('\n') || !text.isWellFormed())
    throw malformed('the text of a note ends in a newline and is UTF-8');
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text)) throw malformed('a note holds no control character but newline');
}

/** U+0085 is a Unicode space that JavaScript's \s does not know. */
function isKeyName(name: string): boolean {
  return name.length > 0 && name.isWellFormed() && !/[\s\u0085+\u0000-\u001f]/u.test(name);
}

function decodeBase64(text: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch (cause) {
    throw new NoteError('malformed', 'found what is no base64 in a note or key', { cause });
  }
}

function malformed(message: string): NoteError {
  return new NoteError('malformed', message);
}
