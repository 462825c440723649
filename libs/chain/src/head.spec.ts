import { toBase64 } from './bytes.js';
import { formatHead, formatOrigin, openHead, parseHead, parseOrigin, signHead, type Head } from './head.js';
import { ed25519Sign, ed25519Verify, generateEd25519, sha256 } from './node.js';
import { NoteError, signNote, verifierKey, type NoteSigner } from './note.js';

const root = sha256(new Uint8Array(0));
const head: Head = { origin: 'lab-1.a0b1c2/default/0', size: 20_852_163, root };
const signerOf = (name: string): NoteSigner => {
  const { privateKey, publicKey } = generateEd25519();
  return { key: verifierKey(sha256, name, publicKey), sign: (message) => ed25519Sign(privateKey, message) };
};
const codeOf = (act: () => unknown) => {
  try {
    act();
    return 'accepted';
  } catch (error) {
    if (error instanceof NoteError) return error.code;
    throw error;
  }
};

describe('origins', () => {
  it('name install, ledger and epoch', () => {
    const origin = { install: 'lab-1.a0b1c2', ledger: 'default', epoch: 12 };
    expect(formatOrigin(origin)).toBe('lab-1.a0b1c2/default/12');
    expect(parseOrigin('lab-1.a0b1c2/default/12')).toEqual(origin);
  });

  it.each([
    'a/b',
    'a/b/',
    'a/b/01',
    'a/b/-1',
    'a/b/1/2',
    'A/b/0',
    '-a/b/0',
    'a/b c/0',
    'a/b/9007199254740992',
    `${'a'.repeat(64)}/b/0`,
  ])('refuse %p', (text) => expect(() => parseOrigin(text)).toThrow(TypeError));
});

describe('heads', () => {
  it('are three lines: origin, size, root', () => {
    expect(formatHead(head)).toBe(`lab-1.a0b1c2/default/0\n20852163\n${toBase64(root)}\n`);
    expect(parseHead(formatHead(head))).toEqual(head);
  });

  const text = formatHead(head);
  it.each([
    ['an extension line', `${text}more\n`],
    ['an empty line at the end', `${text}\n`],
    ['no last newline', text.slice(0, -1)],
    ['a size with a leading zero', text.replace('20852163', '020852163')],
    ['a size of 2^53', text.replace('20852163', '9007199254740992')],
    ['a negative size', text.replace('20852163', '-1')],
    ['a short root', text.replace(toBase64(root), toBase64(root.subarray(1)))],
    ['a root with loose bits', text.replace('=\n', '\n').replace(/.\n$/, 'V=\n')],
    ['a foreign origin', text.replace('lab-1.a0b1c2/default/0', 'example.com/log')],
  ])('are refused with %s', (_, wrong) => {
    expect(wrong).not.toBe(text);
    expect(() => parseHead(wrong)).toThrow(TypeError);
  });

  it('are not made of what would be refused', () => {
    expect(() => formatHead({ ...head, size: 1.5 })).toThrow(TypeError);
    expect(() => formatHead({ ...head, size: 2 ** 53 })).toThrow(TypeError);
    expect(() => formatHead({ ...head, root: new Uint8Array(31) })).toThrow(TypeError);
    expect(() => formatHead({ ...head, origin: 'x' })).toThrow(TypeError);
  });

  it('are opened by the key of their origin, with a witness beside it', () => {
    const [log, witness] = [signerOf(head.origin), signerOf('witness.example')];
    const note = signHead(head, [log, witness]);
    expect(openHead(ed25519Verify, note, [log.key])).toEqual(head);
    expect(codeOf(() => openHead(ed25519Verify, note, [witness.key]))).toBe('unknown_key');
    expect(() => signHead(head, [witness, log])).toThrow(TypeError);
  });

  it('are refused from the key of another epoch', () => {
    const other = signerOf('lab-1.a0b1c2/default/1');
    const note = signNote(formatHead(head), [other]);
    expect(codeOf(() => openHead(ed25519Verify, note, [other.key]))).toBe('unknown_key');
  });

  it('are refused where the signed text is no head', () => {
    const log = signerOf(head.origin);
    const note = signNote(`${formatHead(head)}extension\n`, [log]);
    expect(codeOf(() => openHead(ed25519Verify, note, [log.key]))).toBe('malformed');
  });
});
