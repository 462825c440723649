// STYLE's rules that a machine can check, each a pure function from what is there to what is wrong with it.
import ts from 'typescript';

/** A file of the repository: path relative to its root, with `/`, and its text. */
export interface SourceFile {
  path: string;
  text: string;
}

const fileLinesMax = 300;
const functionLinesMax = 70;
const forbiddenWords = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'shared',
  'misc',
  'core',
  'base',
  'manager',
  'impl',
  'entity',
]); // not `models`: here those are what is trained

/** Named so by the tools that read them. */
const givenNames = new Set(['tsconfig.base.json']);

const isSpec = (path: string) => path.endsWith('.spec.ts');
const isCode = (path: string) => /\.(ts|mts|js|mjs|cjs|tsx|sql)$/.test(path);
const lines = (text: string) => text.replace(/\n$/, '').split('\n').length;

/** Code files beyond the limit of lines; specs may be longer. */
export function longFiles(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => isCode(path) && !isSpec(path))
    .map(({ path, text }) => ({ path, count: lines(text) }))
    .filter(({ count }) => count > fileLinesMax)
    .map(({ path, count }) => `${path}: found ${count} lines, wanted at most ${fileLinesMax}`);
}

/** Functions beyond the limit of lines, TypeScript and JavaScript only; those of specs may be longer. */
export function longFunctions({ path, text }: SourceFile): string[] {
  if (isSpec(path)) return [];
  const source = parse(path, text);
  return nodes(source)
    .filter(ts.isFunctionLike)
    .map((node) => ({ first: lineOf(source, node.getStart(source)), last: lineOf(source, node.end) }))
    .filter(({ first, last }) => last - first + 1 > functionLinesMax)
    .map(
      ({ first, last }) =>
        `${path}:${first}: found a function of ${last - first + 1} lines, wanted at most ${functionLinesMax}`,
    );
}

/** Paths with a word that says nothing of what is inside. */
export function emptyWords(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (givenNames.has(path)) return [];
    const found = path.split(/[/._-]/).find((word) => forbiddenWords.has(word));
    return found === undefined ? [] : [`${path}: found "${found}", wanted a word that says what is inside`];
  });
}

/** Code files, and the folders that they lie in, whose names are not kebab-case. */
export function notKebabCase(paths: readonly string[]): string[] {
  return paths.filter(isCode).flatMap((path) => {
    const wrong = path.split('/').find((part) => !/^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*$/.test(part));
    return wrong === undefined ? [] : [`${path}: found "${wrong}", wanted kebab-case`];
  });
}

/**
 * Folders below a `src` that hold one thing: a single file, its spec beside it or not, and no folder. `src` itself may, and
 * so may the folder of a `sitecustomize.py`: Python takes that name from a search path, on which nothing else must lie.
 */
export function loneFiles(paths: readonly string[]): string[] {
  const contents = new Map<string, Set<string>>();
  for (const path of paths) {
    const parts = path.split('/');
    for (let depth = parts.lastIndexOf('src') + 2; depth < parts.length && parts.includes('src'); depth += 1) {
      const folder = parts.slice(0, depth).join('/');
      const inside = parts.slice(depth, depth + 1).join('');
      contents.set(folder, (contents.get(folder) ?? new Set()).add(inside.replace(/\.(int\.)?spec\.ts$/, '.ts')));
    }
  }
  return [...contents]
    .filter(
      ([folder, inside]) =>
        inside.size === 1 &&
        !inside.has('sitecustomize.py') &&
        !paths.some((path) => path.startsWith(`${folder}/${[...inside][0]}/`)),
    )
    .map(([folder, inside]) => `${folder}: found ${[...inside][0]} alone, wanted no folder around one file`);
}

/** Calls of `test.only`, `describe.skip` and their kind: what does not run proves nothing. A conditional skip may stay. */
export function switchedOffTests({ path, text }: SourceFile): string[] {
  if (!isSpec(path)) return [];
  const source = parse(path, text);
  return nodes(source)
    .filter(ts.isCallExpression)
    .filter(({ expression }) => isSwitchedOff(expression))
    .map((node) => `${path}:${lineOf(source, node.getStart(source))}: found ${node.expression.getText(source)}`);
}

/** Files whose bytes were promised never to change: pinned hash by path against the hash now (undefined: not there). */
export function brokenPins(
  pins: Readonly<Record<string, string>>,
  hashNow: (path: string) => string | undefined,
): string[] {
  return Object.entries(pins).flatMap(([path, pinned]) => {
    const now = hashNow(path);
    if (now === pinned) return [];
    return [`${path}: found ${now ?? 'no such file'}, wanted ${pinned}; it is released: add a new file instead`];
  });
}

/** Files that must be pinned as soon as they exist, and are not. */
export function unpinned(pins: Readonly<Record<string, string>>, paths: readonly string[]): string[] {
  return paths.filter((path) => !Object.hasOwn(pins, path)).map((path) => `${path}: found no pin, wanted one`);
}

const parse = (path: string, text: string) => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
const lineOf = (source: ts.SourceFile, position: number) => source.getLineAndCharacterOfPosition(position).line + 1;

function nodes(node: ts.Node): ts.Node[] {
  const found: ts.Node[] = [node];
  node.forEachChild((child) => {
    found.push(...nodes(child));
  });
  return found;
}

/** Follows `describe.skip.each` and `it.only` down to the name that they start from. */
function isSwitchedOff(callee: ts.Expression): boolean {
  if (ts.isIdentifier(callee)) return /^[fx](describe|it|test)$/.test(callee.text);
  if (!ts.isPropertyAccessExpression(callee)) return false;
  if (!['only', 'skip', 'todo'].includes(callee.name.text)) return isSwitchedOff(callee.expression);
  return /^(describe|it|test)\b/.test(callee.expression.getText());
}
