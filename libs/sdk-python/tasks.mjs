// Builds, tests, lints and types the Python package: `node tasks.mjs build|test|lint|typecheck [arguments of pytest]`. The
// tools live in a virtual environment under tmp/. Where there is no Python that can make one, or its tools cannot be
// fetched, the task says so, counts as skipped and succeeds: nothing else of the repository needs Python.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  digestOf,
  findPython,
  here,
  makeEnvironment,
  root,
  run,
  runTests,
  Unavailable,
  writeTally,
} from './python.mjs';

const tmp = join(root, 'tmp', 'sdk-python');

const tasks = {
  build(python) {
    rmSync(join(here, 'dist'), { recursive: true, force: true });
    run(python, ['-m', 'hatchling', 'build', '-t', 'wheel', '-d', 'dist']);
  },
  test(python, more) {
    const wheel = readdirSync(join(here, 'dist')).find((name) => name.endsWith('.whl'));
    run(python, ['-m', 'pip', 'install', '-q', '--no-deps', '--force-reinstall', join(here, 'dist', wheel)]);
    process.exitCode = runTests('sdk-python', python, more);
  },
  lint(python) {
    const cache = ['--cache-dir', join(tmp, 'ruff')];
    run(python, ['-m', 'ruff', 'check', ...cache, '.']);
    run(python, ['-m', 'ruff', 'format', '--check', ...cache, '.']);
  },
  typecheck(python) {
    run(python, ['-m', 'mypy', '--cache-dir', join(tmp, 'mypy')]);
  },
};

const [name, ...more] = process.argv.slice(2);
try {
  tasks[name](await environment(), more);
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  process.stdout.write(`sdk-python ${name}: skipped, ${error.message}\n`);
  if (name === 'test') writeTally('sdk-python', { passed: 0, failed: 0, skipped: 1 });
}

/** Path of a Python that has all tools. */
function environment() {
  const { python, version } = findPython(9);
  const requirements = join(here, 'requirements-dev.txt');
  const folder = join(tmp, `venv-${version}-${digestOf(requirements)}`);
  return makeEnvironment({ python, folder, ready: join(folder, 'ready'), stamp: '', requirements, lock_ms: 300_000 });
}
