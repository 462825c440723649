// Builds, tests, lints and types the Python package: `node tasks.mjs build|test|lint|typecheck [arguments of pytest]`. The
// tools live in a virtual environment under tmp/. Where there is no Python that can make one, or its tools cannot be
// fetched, the task says so, counts as skipped and succeeds: nothing else of the repository needs Python.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const tmp = join(root, 'tmp', 'sdk-python');
const requirements = join(here, 'requirements-dev.txt');
/** Another task that makes the environment is given up after this time: its process has died. */
const LOCK_MS = 300_000;

const env = {
  ...process.env,
  PYTHONDONTWRITEBYTECODE: '1',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  PIP_NO_INPUT: '1',
};

class Unavailable extends Error {}

const tasks = {
  build(python) {
    rmSync(join(here, 'dist'), { recursive: true, force: true });
    run(python, ['-m', 'hatchling', 'build', '-t', 'wheel', '-d', 'dist']);
  },
  test(python, more) {
    const wheel = readdirSync(join(here, 'dist')).find((name) => name.endsWith('.whl'));
    run(python, ['-m', 'pip', 'install', '-q', '--no-deps', '--force-reinstall', join(here, 'dist', wheel)]);
    const report = join(tmp, 'tests.xml');
    rmSync(report, { force: true });
    const { status } = call(python, ['-m', 'pytest', `--junitxml=${report}`, ...more], { stdio: 'inherit' });
    if (existsSync(report)) writeTally(readReport(readFileSync(report, 'utf8')));
    process.exitCode = status ?? 1;
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
  tasks[name](await makeEnvironment(), more);
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  process.stdout.write(`sdk-python ${name}: skipped, ${error.message}\n`);
  if (name === 'test') writeTally({ passed: 0, failed: 0, skipped: 1 });
}

/** Path of a Python that has all tools. */
async function makeEnvironment() {
  const { python, version } = findPython();
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 8);
  const folder = join(tmp, `venv-${version}-${digest}`);
  const ready = join(folder, 'ready');
  const own = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  mkdirSync(tmp, { recursive: true });
  while (!existsSync(ready) && !takeLock(`${folder}.lock`)) await sleep(200);
  if (existsSync(ready)) return own;
  try {
    rmSync(folder, { recursive: true, force: true });
    demand('a virtual environment cannot be made', python, ['-m', 'venv', folder]);
    demand('its tools cannot be fetched', own, ['-m', 'pip', 'install', '-q', '-r', requirements]);
    writeFileSync(ready, '');
  } finally {
    rmSync(`${folder}.lock`, { recursive: true, force: true });
  }
  return own;
}

function takeLock(path) {
  try {
    mkdirSync(path);
    return true;
  } catch {
    const since = statSync(path, { throwIfNoEntry: false });
    if (since && Date.now() - since.mtimeMs > LOCK_MS) rmSync(path, { recursive: true, force: true });
    return false;
  }
}

function findPython() {
  const question = 'import sys, venv, ensurepip; assert sys.version_info >= (3, 9); print(sys.version.split()[0])';
  for (const python of [process.env.RUNSEAL_PYTHON, 'python3', 'python']) {
    if (!python) continue;
    const { status, stdout } = call(python, ['-c', question]);
    if (status === 0) return { python, version: stdout.trim() };
  }
  throw new Unavailable('there is no Python 3.9 or newer that can make virtual environments');
}

function call(command, args, options = {}) {
  return spawnSync(command, args, { cwd: here, env, encoding: 'utf8', ...options });
}

function demand(what, command, args) {
  const { status, stderr } = call(command, args);
  if (status !== 0) throw new Unavailable(`${what}: ${stderr?.trim().split('\n').at(-1) ?? command}`);
}

function run(command, args) {
  const { status } = call(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Counts of a JUnit report. */
function readReport(xml) {
  const count = (attribute) => Number(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`).exec(xml)?.[1] ?? 0);
  const [failed, skipped] = [count('failures') + count('errors'), count('skipped')];
  return { passed: count('tests') - failed - skipped, failed, skipped };
}

function writeTally(tally) {
  mkdirSync(join(root, 'tmp', 'tally'), { recursive: true });
  writeFileSync(join(root, 'tmp', 'tally', 'sdk-python.json'), JSON.stringify(tally));
}
