// Finds a Python and makes virtual environments in which the tasks of this package run.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const here = fileURLToPath(new URL('.', import.meta.url));
export const root = fileURLToPath(new URL('../..', import.meta.url));

const env = {
  ...process.env,
  PYTHONDONTWRITEBYTECODE: '1',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  PIP_NO_INPUT: '1',
};

/** There is no Python here, or its packages cannot be fetched: nothing else of the repository needs them. */
export class Unavailable extends Error {}

/** A Python of at least 3.`minor` that can make virtual environments, and its version. Throws Unavailable. */
export function findPython(minor) {
  const question = `import sys, venv, ensurepip; assert sys.version_info >= (3, ${minor}); print(sys.version.split()[0])`;
  for (const python of [process.env.RUNSEAL_PYTHON, 'python3', 'python']) {
    if (!python) continue;
    const { status, stdout } = call(python, ['-c', question]);
    if (status === 0) return { python, version: stdout.trim() };
  }
  throw new Unavailable(`there is no Python 3.${minor} or newer that can make virtual environments`);
}

/** What a file holds, in a word. */
export const digestOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 8);

/**
 * Path of the Python of a virtual environment in `folder` that has what `requirements` (a file) lists. It is made anew unless the
 * file `ready` says `stamp`. Of several tasks one makes it; a task that has been at it for longer than `lock_ms` counts as dead.
 * Throws Unavailable.
 */
export async function makeEnvironment({ python, folder, ready, stamp, requirements, lock_ms }) {
  const own = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const isReady = () => existsSync(ready) && readFileSync(ready, 'utf8') === stamp;
  mkdirSync(dirname(folder), { recursive: true });
  while (!isReady() && !takeLock(`${folder}.lock`, lock_ms)) await sleep(200);
  if (isReady()) return own;
  try {
    rmSync(ready, { force: true });
    rmSync(folder, { recursive: true, force: true });
    demand('a virtual environment cannot be made', python, ['-m', 'venv', folder]);
    demand('its packages cannot be fetched', own, ['-m', 'pip', 'install', '-q', '-r', requirements]);
    writeFileSync(ready, stamp);
  } finally {
    rmSync(`${folder}.lock`, { recursive: true, force: true });
  }
  return own;
}

/** Runs a command in this package's folder. */
export function call(command, args, options = {}) {
  return spawnSync(command, args, { cwd: here, encoding: 'utf8', ...options, env: { ...env, ...options.env } });
}

/** `call` with its output shown; what fails ends this process. */
export function run(command, args, options = {}) {
  const { status } = call(command, args, { stdio: 'inherit', ...options });
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs pytest and writes down what it counted as the tally of `name`; returns its exit code. */
export function runTests(name, python, args, options = {}) {
  const report = join(root, 'tmp', name, 'tests.xml');
  rmSync(report, { force: true });
  const { status } = call(python, ['-m', 'pytest', `--junitxml=${report}`, ...args], { stdio: 'inherit', ...options });
  if (existsSync(report)) writeTally(name, readReport(readFileSync(report, 'utf8')));
  return status ?? 1;
}

export function writeTally(name, tally) {
  mkdirSync(join(root, 'tmp', 'tally'), { recursive: true });
  writeFileSync(join(root, 'tmp', 'tally', `${name}.json`), JSON.stringify(tally));
}

function takeLock(path, lock_ms) {
  try {
    mkdirSync(path);
    return true;
  } catch {
    const since = statSync(path, { throwIfNoEntry: false });
    if (since && Date.now() - since.mtimeMs > lock_ms) rmSync(path, { recursive: true, force: true });
    return false;
  }
}

function demand(what, command, args) {
  const { status, stderr } = call(command, args);
  if (status !== 0) throw new Unavailable(`${what}: ${stderr?.trim().split('\n').at(-1) ?? command}`);
}

/** Counts of a JUnit report. */
function readReport(xml) {
  const count = (attribute) => Number(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`).exec(xml)?.[1] ?? 0);
  const [failed, skipped] = [count('failures') + count('errors'), count('skipped')];
  return { passed: count('tests') - failed - skipped, failed, skipped };
}
