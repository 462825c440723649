import fc from 'fast-check';
import { fromBase64, toHex } from './bytes.js';
import { ed25519PublicKey, ed25519Sign, ed25519Verify, generateEd25519, sha256 } from './node.js';
import {
  formatVerifierKey,
  NoteError,
  openNote,
  parseVerifierKey,
  signNote,
  verifierKey,
  type NoteSigner,
} from './note.js';

// The key pair and the note that the reference implementation of the format publishes.
const neumannKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const neumannSeed = fromBase64('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz').slice(1);
const neumannText =
  'If you think cryptography is the answer to your problem,\n' + "then you don't know what your problem is.\n";
const neumannNote = `${neumannText}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;

const signerOf = (name: string, seed = generateEd25519().privateKey): NoteSigner => ({
  key: verifierKey(sha256, name, ed25519PublicKey(seed)),
  sign: (message) => ed25519Sign(seed, message),
});
const codeOf = (act: () => unknown) => {
  try {
    act();
    return 'accepted';
  } catch (error) {
    if (error instanceof NoteError) return error.code;
    throw error;
  }
};

describe('verifier keys', () => {
  it('are read and written as published', () => {
    const key = parseVerifierKey(sha256, neumannKey);
    expect([key.name, key.id, key.publicKey.length]).toEqual(['PeterNeumann', 'c74f20a3', 32]);
    expect(formatVerifierKey(key)).toBe(neumannKey);
    expect(toHex(ed25519PublicKey(neumannSeed))).toBe(toHex(key.publicKey));
  });

  it('are refused with any character changed, left out or cut off', () => {
    for (let at = 0; at < neumannKey.length; at++) {
      const next = String.fromCharCode(neumannKey.charCodeAt(at) + 1);
      for (const wrong of [
        neumannKey.slice(0, at) + next + neumannKey.slice(at + 1),
        neumannKey.slice(0, at) + neumannKey.slice(at + 1),
        neumannKey.slice(0, at),
      ]) {
        expect(codeOf(() => parseVerifierKey(sha256, wrong))).toBe('malformed');
      }
    }
  });

  it.each(['', 'a b', 'a+b', 'a\u00a0b', 'a\u0085b', 'a\nb', '\ud800'])('refuse the name %p', (name) => {
    expect(codeOf(() => verifierKey(sha256, name, new Uint8Array(32)))).toBe('malformed');
  });
});

describe('notes', () => {
  it('are signed and opened as published', () => {
    const signer = signerOf('PeterNeumann', neumannSeed);
    expect(signNote(neumannText, [signer])).toBe(neumannNote);
    const key = parseVerifierKey(sha256, neumannKey);
    expect(openNote(ed25519Verify, neumannNote, [key])).toEqual({ text: neumannText, signedBy: [key] });
  });

  it('may hold empty lines and end in several', () => {
    const signer = signerOf('a');
    const text = fc.array(fc.constantFrom('\n', 'x', '— ', 'é')).map((parts) => `${parts.join('')}\n`);
    fc.assert(
      fc.property(text, (any) => {
        expect(openNote(ed25519Verify, signNote(any, [signer]), [signer.key]).text).toBe(any);
      }),
    );
  });

  it('say which of several keys signed, and ignore keys they do not know', () => {
    const [one, two, three] = [signerOf('one'), signerOf('two'), signerOf('three')];
    const note = signNote('text\n', [one, two]);
    expect(openNote(ed25519Verify, note, [two.key, three.key]).signedBy).toEqual([two.key]);
    expect(openNote(ed25519Verify, note, [two.key, one.key]).signedBy).toEqual([one.key, two.key]);
    expect(codeOf(() => openNote(ed25519Verify, note, [three.key]))).toBe('unknown_key');
    expect(codeOf(() => openNote(ed25519Verify, note, []))).toBe('unknown_key');
  });

  it('are opened with 16 signatures by unknown keys of other kinds before ours', () => {
    const signer = signerOf('ours');
    const foreign = Array.from({ length: 16 }, (_, index) => `— w${index} AAAAAAECAwQFBgc=\n`).join('');
    const note = signNote('text\n', [signer]).replace('— ours', `${foreign}— ours`);
    expect(openNote(ed25519Verify, note, [signer.key]).signedBy).toEqual([signer.key]);
    const flood = note.replace('— ours', `${foreign.repeat(6)}— ours`);
    expect(codeOf(() => openNote(ed25519Verify, flood, [signer.key]))).toBe('malformed');
  });

  it('are refused whole where one known key’s signature is wrong, though another is right', () => {
    const [one, two] = [signerOf('one'), signerOf('two')];
    const forged = { key: two.key, sign: one.sign };
    const note = signNote('text\n', [one, forged]);
    expect(codeOf(() => openNote(ed25519Verify, note, [one.key, two.key]))).toBe('bad_signature');
    expect(codeOf(() => openNote(ed25519Verify, note.replace('text', 'test'), [one.key]))).toBe('bad_signature');
  });

  it('ignore a key that shares only name or only id', () => {
    const [one, other] = [signerOf('one'), signerOf('one')];
    const note = signNote('text\n', [one]);
    expect(codeOf(() => openNote(ed25519Verify, note, [other.key]))).toBe('unknown_key');
    expect(codeOf(() => openNote(ed25519Verify, note, [{ ...one.key, name: 'two' }]))).toBe('unknown_key');
  });

  const note = signNote('text\n', [signerOf('one')]);
  it.each([
    ['no signature', 'text\n\n'],
    ['no empty line', note.replace('\n\n', '\n')],
    ['no last newline', note.slice(0, -1)],
    ['a control character', note.replace('text', 'te\txt')],
    ['a carriage return', note.replaceAll('\n', '\r\n')],
    ['a lone surrogate', note.replace('text', '\ud800')],
    ['a hyphen for the dash', note.replace('—', '-')],
    ['base64 without padding', note.replace('=\n', '\n')],
    ['a signature of 4 bytes', 'text\n\n— one AAAAAA==\n'],
    ['a second space', note.replace('— one', '— one ')],
    ['nothing', ''],
  ])('are refused with %s', (_, wrong) => {
    expect(codeOf(() => openNote(ed25519Verify, wrong, []))).toBe('malformed');
  });

  it.each(['text', 'a\u0000\n', '', '\ud800\n'])('are not made of the text %p', (text) => {
    expect(codeOf(() => signNote(text, [signerOf('one')]))).toBe('malformed');
  });

  it('are not made without a signer or with a signature of another length', () => {
    expect(codeOf(() => signNote('text\n', []))).toBe('malformed');
    const short = { key: signerOf('one').key, sign: () => new Uint8Array(63) };
    expect(codeOf(() => signNote('text\n', [short]))).toBe('malformed');
  });
});
