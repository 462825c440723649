// The formats that this client shares with others, held to the golden vectors with real files.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashFolder } from './hash-path.js';
import { Outbox } from './outbox.js';
import { makeFolder, segmentFile } from './spool-layout.js';

const { resolve } = createRequire(import.meta.url);
const read = <Vectors>(name: string) =>
  JSON.parse(readFileSync(resolve(`@runseal/chain/vectors/${name}.json`), 'utf8')) as Vectors;

interface SpoolVectors {
  segments: { segment: string; bodies: string[]; end: string }[];
}
interface ManifestVectors {
  folders: { entries: { path: string; size: number }[]; digest: string }[];
}

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'runseal-vectors-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('the golden vectors', () => {
  const { segments } = read<SpoolVectors>('spool');
  it.each(segments.map((vector) => [vector.end, vector] as const))(
    'give a %s segment’s bodies',
    async (_end, vector) => {
      makeFolder(root);
      writeFileSync(segmentFile(root, 0), Buffer.from(vector.segment, 'hex'));
      const found = (await new Outbox(root).read(500, 1e6)).map(({ text }) => text);
      // An empty body is a sound entry and no event: for this reader the segment ends there.
      const events = vector.bodies.includes('') ? vector.bodies.slice(0, vector.bodies.indexOf('')) : vector.bodies;
      expect(found).toEqual(events);
    },
  );

  it('give the digests of real folders', async () => {
    const { folders } = read<ManifestVectors>('manifest');
    const texts: Record<string, string> = {
      '\u{1f600}': 'face',
      '\uff5e': 'tilde',
      'e\u0301': 'decomposed',
      '\u00e9 "': 'composed',
    };
    // Folders that a file system can hold: not the one in which a path is a file and a folder at once.
    const real = folders.filter(({ entries }) => entries.every(({ path }) => path in texts));
    expect(real).toHaveLength(2);
    for (const [index, { entries, digest }] of real.entries()) {
      const folder = join(root, String(index));
      mkdirSync(folder);
      for (const { path } of entries) writeFileSync(join(folder, path), texts[path]!);
      expect((await hashFolder(folder)).digest).toBe(digest);
    }
  });
});
