// `npm run test:trainers [-- arguments of pytest]`: the Python package with real trainers, in a virtual environment of their own
// (tmp/trainers/venv, some 6 GB), with a tiny model and data made here. `--install-only` stops when all that must be fetched and
// made is there. Where there is no Python for it, or its packages cannot be fetched, it says so and counts as skipped; with
// CI=true and RUNSEAL_REQUIRE_TRAINERS=1 that is a failure.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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
} from '../libs/sdk-python/python.mjs';
import { step } from './step.mjs';

const tmp = join(root, 'tmp', 'trainers');
const trainers = join(here, 'trainers');
/** One thread: many small matrices are slower on two. Nothing is asked of any hub. */
const env = {
  OMP_NUM_THREADS: '1',
  HF_HUB_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  TOKENIZERS_PARALLELISM: 'false',
};
const isRequired = process.env.CI === 'true' && process.env.RUNSEAL_REQUIRE_TRAINERS === '1';

const given = process.argv.slice(2);
const isInstallOnly = given.includes('--install-only');
try {
  const python = await environment();
  makeAssets(python);
  if (!isInstallOnly) process.exitCode = await test(python);
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  process.stdout.write(`test:trainers ${isRequired ? 'FAILED' : 'skipped'}: ${error.message}\n`);
  if (!isInstallOnly) writeTally('trainers', { passed: 0, failed: isRequired ? 1 : 0, skipped: isRequired ? 0 : 1 });
  process.exitCode = isRequired ? 1 : 0;
}

function environment() {
  const { python, version } = findPython(11);
  const requirements = join(trainers, 'requirements.txt');
  const stamp = `${version} ${digestOf(requirements)}\n`;
  const [folder, ready] = [join(tmp, 'venv'), join(tmp, 'READY')];
  return makeEnvironment({ python, folder, ready, stamp, requirements, lock_ms: 1_800_000 });
}

/** The model and the data, unless they are there as this script makes them. */
function makeAssets(python) {
  const script = join(trainers, 'make_assets.py');
  const folder = join(tmp, 'assets');
  const made = join(folder, 'made');
  const isMade = existsSync(made) && readFileSync(made, 'utf8') === digestOf(script);
  if (!isMade) run(python, [script, folder], { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Installs the wheel as it would be for a user, and runs the tests. */
async function test(python) {
  const built = await step({ name: 'build', budget_s: 120 }, 'nx', [
    'run-many',
    '-t',
    'build',
    '-p',
    'cli,sdk,sdk-python',
  ]);
  if (!built.isOk) return 1;
  const dist = join(tmp, 'dist');
  rmSync(dist, { recursive: true, force: true });
  run(python, ['-m', 'hatchling', 'build', '-t', 'wheel', '-d', dist], { stdio: ['ignore', 'ignore', 'inherit'] });
  const wheel = join(
    dist,
    readdirSync(dist).find((name) => name.endsWith('.whl')),
  );
  run(python, ['-m', 'pip', 'install', '-q', '--no-deps', '--force-reinstall', wheel]);
  return runTests('trainers', python, given.some((one) => /\.py\b/.test(one)) ? given : ['trainers', ...given], {
    env,
  });
}
