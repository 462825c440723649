// The Python client's wheel, which the server hands out. Needs pip, and nothing that npm installs.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { findPython, Unavailable } from '../libs/sdk-python/python.mjs';
import { report, root, run, seconds } from './step.mjs';

const folder = join(root, 'libs', 'sdk-python');
const dist = join(folder, 'dist');

/** Makes the wheel unless it is newer than its sources. Resolves to a function that reports it: without it all else works. */
export async function buildClient() {
  const start = performance.now();
  const tell = (remark) => {
    const took_s = seconds(start);
    return () => report('client', took_s, 60, remark);
  };
  try {
    if (isFresh()) return tell('the Python package is built');
    const { python } = findPython(10);
    const { isOk, output } = await run(python, ['-m', 'pip', 'wheel', '-q', '--no-deps', '-w', dist, folder]);
    return tell(
      isOk ? 'the Python package, for pip install' : `no Python package: ${output.trim().split('\n').at(-2)}`,
    );
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return tell(`no Python package: ${error.message}`);
  }
}

function isFresh() {
  const wheel = existsSync(dist) && readdirSync(dist).find((name) => name.endsWith('.whl'));
  if (!wheel) return false;
  const made = statSync(join(dist, wheel)).mtimeMs;
  const sources = ['src', 'pyproject.toml', '../contracts/schemas'].flatMap((name) => filesBelow(join(folder, name)));
  return sources.every((path) => statSync(path).mtimeMs < made);
}

function filesBelow(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.pyc'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
