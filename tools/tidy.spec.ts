import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  brokenPins,
  emptyWords,
  loneFiles,
  longFiles,
  longFunctions,
  notKebabCase,
  switchedOffTests,
  unpinned,
  type SourceFile,
} from './tidy.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pins = (name: string) => JSON.parse(read(`tools/${name}`)) as Record<string, string>;
const sha256 = (path: string) =>
  existsSync(join(root, path))
    ? createHash('sha256')
        .update(readFileSync(join(root, path)))
        .digest('hex')
    : undefined;

const notOurs = new Set(['node_modules', 'dist', 'out-tsc', 'tmp', 'coverage', '.git', '.nx', '.runseal']);
function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : walk(path);
    return entry.isFile() ? [relative(root, path).split(sep).join('/')] : [];
  });
}

describe('the repository', () => {
  const ours = ['apps', 'libs', 'tools', 'bench', 'e2e', 'docs', 'deploy'];
  const paths = walk(root).filter((path) => !path.includes('/') || ours.includes(path.split('/')[0] ?? ''));
  const code: SourceFile[] = paths
    .filter((path) => /\.(ts|tsx|mjs|js|sql)$/.test(path))
    .map((path) => ({ path, text: read(path) }));

  test('is found', () => {
    expect(code.map(({ path }) => path)).toContain('tools/tidy.spec.ts');
  });

  test('has no file over the limit', () => expect(longFiles(code)).toEqual([]));
  test('has no function over the limit', () => {
    expect(code.filter(({ path }) => !path.endsWith('.sql')).flatMap(longFunctions)).toEqual([]);
  });
  test('has no empty word in a path', () => expect(emptyWords(paths)).toEqual([]));
  test('names its code in kebab-case', () => expect(notKebabCase(paths)).toEqual([]));
  test('has no folder with one file in it', () => expect(loneFiles(paths)).toEqual([]));
  test('has no test that is switched off', () => expect(code.flatMap(switchedOffTests)).toEqual([]));
  test('leaves released migrations as they are', () => {
    expect(brokenPins(pins('pinned-migrations.json'), sha256)).toEqual([]);
  });
  test('leaves published event examples as they are, and pins each new one', () => {
    const examples = paths.filter((path) => path.startsWith('libs/contracts/examples/'));
    expect(examples).not.toEqual([]);
    expect(brokenPins(pins('pinned-examples.json'), sha256)).toEqual([]);
    expect(unpinned(pins('pinned-examples.json'), examples)).toEqual([]);
  });
});

describe('the rules bite', () => {
  const ofLines = (count: number) => 'x();\n'.repeat(count);

  test('on a file of 301 lines, not on 300, not on a spec', () => {
    const sized = (path: string, count: number) => longFiles([{ path, text: ofLines(count) }]);
    expect(sized('a.ts', 301)).toEqual(['a.ts: found 301 lines, wanted at most 300']);
    expect(sized('a.sql', 301)).toHaveLength(1);
    expect(sized('a.ts', 300)).toEqual([]);
    expect(sized('a.spec.ts', 301)).toEqual([]);
  });

  test.each([
    ['a declaration', (body: string) => `function f() {\n${body}}\n`],
    ['an arrow', (body: string) => `const f = () => {\n${body}};\n`],
    ['a method', (body: string) => `class A { f() {\n${body}} }\n`],
    ['one inside another', (body: string) => `function f() { return () => {\n${body}}; }\n`],
  ])('on a function of 71 lines: %s', (_, shape) => {
    expect(longFunctions({ path: 'a.ts', text: shape(ofLines(69)) }).length).toBeGreaterThan(0);
    expect(longFunctions({ path: 'a.ts', text: shape(ofLines(68)) })).toEqual([]);
    expect(longFunctions({ path: 'a.spec.ts', text: shape(ofLines(69)) })).toEqual([]);
  });

  test('on an empty word in a folder or a file name, not inside another word', () => {
    expect(
      emptyWords(['libs/common/src/a.ts', 'libs/a/src/hash-utils.ts', 'libs/a/src/score.ts', 'a/database.ts']),
    ).toEqual([
      'libs/common/src/a.ts: found "common", wanted a word that says what is inside',
      'libs/a/src/hash-utils.ts: found "utils", wanted a word that says what is inside',
    ]);
    expect(emptyWords(['tsconfig.base.json'])).toEqual([]);
    expect(emptyWords(['libs/a/tsconfig.base.json'])).toHaveLength(1);
  });

  test('on names in camel or snake case, of code only', () => {
    expect(notKebabCase(['src/sealBatch.ts', 'src/seal_batch.sql', 'src/Big/a.ts'])).toHaveLength(3);
    expect(notKebabCase(['src/seal-batch.int.spec.ts', 'jest.config.mjs', 'sql/0001-heads.sql', 'README.md'])).toEqual(
      [],
    );
  });

  test('on a folder that holds one file, its spec beside it or not', () => {
    expect(
      loneFiles(['libs/a/src/x/one.ts', 'libs/a/src/x/one.spec.ts', 'libs/a/src/y/z/b.ts', 'libs/a/src/y/c.ts']),
    ).toEqual([
      'libs/a/src/x: found one.ts alone, wanted no folder around one file',
      'libs/a/src/y/z: found b.ts alone, wanted no folder around one file',
    ]);
    expect(
      loneFiles([
        'libs/a/src/index.ts',
        'libs/a/src/x/one.ts',
        'libs/a/src/x/two.ts',
        'libs/a/sql/1.sql',
        'libs/a/src/hook/sitecustomize.py',
      ]),
    ).toEqual([]);
  });

  test.each([
    'test.only("a", f)',
    'describe.skip("a", f)',
    'it.skip.each([1])("a", f)',
    'xit("a", f)',
    'test.todo("a")',
  ])('on %s', (text) => expect(switchedOffTests({ path: 'a.spec.ts', text }).length).toBeGreaterThan(0));

  test('not on a condition, a text or another object', () => {
    const text =
      '(there ? describe : describe.skip)("a", f); say("test.only()"); rows.skip(1); test.each([1])("a", f);';
    expect(switchedOffTests({ path: 'a.spec.ts', text })).toEqual([]);
  });

  test('on a pinned file that changed, went, or was never pinned', () => {
    const files: Record<string, string> = { same: 'h1', edited: 'h9' };
    expect(brokenPins({ same: 'h1', edited: 'h2', gone: 'h3' }, (path) => files[path])).toEqual([
      'edited: found h9, wanted h2; it is released: add a new file instead',
      'gone: found no such file, wanted h3; it is released: add a new file instead',
    ]);
    expect(unpinned({ same: 'h1' }, ['same', 'new'])).toEqual(['new: found no pin, wanted one']);
  });
});
