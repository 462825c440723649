import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashFile, hashFolder, hashPath } from './hash-path.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'runseal-hash-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const put = (path: string, data: string | Buffer) => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), data);
};

describe('hashFile', () => {
  it('gives the SHA-256 of the bytes and tells of its progress', async () => {
    const bytes = Buffer.alloc(3_500_000, 'weights');
    put('model.bin', bytes);
    const told: [number, number][] = [];
    const content = await hashFile(join(root, 'model.bin'), { onProgress: (done, total) => told.push([done, total]) });
    expect(content).toEqual({ form: 'file', digest: `sha256:${sha256(bytes)}`, size_bytes: 3_500_000, files: null });
    expect(told.length).toBeGreaterThan(2);
    expect(told.at(-1)).toEqual([3_500_000, 3_500_000]);
  });

  it.each([
    ['grows', (path: string) => appendFileSync(path, 'more')],
    ['is rewritten at the same size', (path: string) => writeFileSync(path, Buffer.alloc(3_000_000, 'y'))],
    ['is touched', (path: string) => utimesSync(path, 1, 1)],
  ])('refuses a file that %s while it is hashed', async (_how, change) => {
    const path = join(root, 'model.bin');
    put('model.bin', Buffer.alloc(3_000_000, 'x'));
    let changed = false;
    const onProgress = () => {
      if (!changed) change(path);
      changed = true;
    };
    await expect(hashFile(path, { onProgress })).rejects.toThrow(/changed while it was hashed/);
    await expect(hashFile(path)).resolves.toMatchObject({ form: 'file' });
  });
});

describe('hashFolder', () => {
  it('hashes the manifest as the interface defines it, sorted by bytes, `.runseal` and empty folders left out', async () => {
    put('b.txt', 'bee');
    put('a/z.txt', 'zed');
    put('a.txt', 'ay');
    put('\u{1f600}.txt', 'beyond');
    put('\ufb01.txt', 'below');
    put('.runseal/keys', 'not mine');
    mkdirSync(join(root, 'empty/deeper'), { recursive: true });
    const line = (path: string, data: string) =>
      `{"path":"${path}","sha256":"${sha256(data)}","size":${Buffer.byteLength(data)}}\n`;
    const manifest =
      'runseal.manifest.v1\n' +
      line('a.txt', 'ay') +
      line('a/z.txt', 'zed') +
      line('b.txt', 'bee') +
      line('\ufb01.txt', 'below') +
      line('\u{1f600}.txt', 'beyond');
    const told: number[] = [];
    const content = await hashFolder(root, { onProgress: (done) => told.push(done) });
    expect(content).toMatchObject({ form: 'folder', digest: `sha256:${sha256(manifest)}`, size_bytes: 19 });
    expect(content.files).toHaveLength(5);
    expect(told.at(-1)).toBe(19);
  });

  it('reads a link inside as its target: the digest is that of a folder with copies', async () => {
    put('one/data.txt', 'same');
    put('one/sub/more.txt', 'more');
    symlinkSync('data.txt', join(root, 'one/link.txt'));
    symlinkSync('sub', join(root, 'one/again'));
    put('two/data.txt', 'same');
    put('two/link.txt', 'same');
    put('two/sub/more.txt', 'more');
    put('two/again/more.txt', 'more');
    expect((await hashFolder(join(root, 'one'))).digest).toBe((await hashFolder(join(root, 'two'))).digest);
  });

  it('refuses a link that leads out, one that leads nowhere, one that holds itself, and what is no file', async () => {
    put('outside.txt', 'secret');
    for (const [name, make] of [
      ['out', (at: string) => symlinkSync('../outside.txt', at)],
      ['nowhere', (at: string) => symlinkSync('missing', at)],
      ['cycle', (at: string) => symlinkSync('.', at)],
      ['pipe', (at: string) => void execFileSync('mkfifo', [at])],
    ] as const) {
      mkdirSync(join(root, name));
      make(join(root, name, name));
      await expect(hashFolder(join(root, name))).rejects.toThrow(
        { out: /leads out/, nowhere: /ENOENT/, cycle: /folder that holds it/, pipe: /neither a file nor a folder/ }[
          name
        ],
      );
    }
  });

  it('refuses a folder in which a file comes, goes or changes while it is hashed', async () => {
    for (const change of [
      () => put('new.txt', 'late'),
      () => rmSync(join(root, 'b.txt')),
      () => appendFileSync(join(root, 'b.txt'), 'more'),
    ]) {
      put('a.txt', 'a'.repeat(10));
      put('b.txt', 'b'.repeat(10));
      let changed = false;
      const onProgress = () => {
        if (!changed) change();
        changed = true;
      };
      await expect(hashFolder(root, { onProgress })).rejects.toThrow(/came or went|ENOENT|changed/);
    }
  });

  it('is what hashPath does with a folder, and hashFile with a file', async () => {
    put('a.txt', 'a');
    expect(await hashPath(root)).toEqual(await hashFolder(root));
    expect(await hashPath(join(root, 'a.txt'))).toEqual(await hashFile(join(root, 'a.txt')));
  });
});
