// `npm run quickstart`: installs and builds what is missing with whatever Node there is, then hands over to Node 24.
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { environment, report, root, seconds, step } from './step.mjs';

const NODE_MAJOR_MIN = 20;
/** Two files of one installation are written moments apart. */
const SAME_TIME_MS = 5_000;
/** Ctrl-C in a terminal reaches this process twice: from the terminal and from npm. */
const SAME_SIGNAL_MS = 1_000;

async function main() {
  const args = readArguments(process.argv.slice(2));
  const start = performance.now();
  const version = readVersions();
  process.stdout.write('Runseal quickstart\n');
  report('check', seconds(start), 5, version);
  if (isInstalled()) {
    report('install', 0, 150, 'node_modules fits package-lock.json');
  } else if (
    !(await step({ name: 'install', budget_s: 150, remark: 'npm ci' }, 'npm', ['ci', '--no-audit', '--no-fund'])).isOk
  ) {
    return 1;
  }
  const build = ['run-many', '-t', 'build', '-p', 'cli', 'standalone'];
  const isBuilt = await step({ name: 'build', budget_s: 60 }, bin('nx'), build);
  return isBuilt.isOk ? serve(args) : 1;
}

const bin = (name) => join(root, 'node_modules', '.bin', name);

/** Only what belongs to quickstart is passed on; a mistyped option must not start a server somewhere unexpected. */
function readArguments(args) {
  for (let at = 0; at < args.length; at += 1) {
    const [option, inline] = args[at].split('=', 2);
    if (args[at] === '--exit') continue;
    if (option !== '--port' && option !== '--data')
      fail(`Unknown option ${args[at]}. Known: --exit, --port N, --data DIR`);
    if (inline === undefined && args[(at += 1)] === undefined) fail(`${option} wants a value`);
  }
  return args;
}

function readVersions() {
  const node = process.versions.node;
  if (Number(node.split('.')[0]) < NODE_MAJOR_MIN) {
    fail(
      `Node ${node} is too old: Runseal wants Node ${NODE_MAJOR_MIN} or newer to install itself (it then brings its own).`,
    );
  }
  const manager = /npm\/(\S+)/.exec(process.env.npm_config_user_agent ?? '')?.[1];
  return `Node ${node}${manager ? `, npm ${manager}` : ''}`;
}

function fail(message) {
  process.stderr.write(`quickstart: ${message}\n`);
  process.exit(2);
}

/** Whether npm installed what the lock file says: what it wrote into node_modules is not older than the lock file. */
function isInstalled() {
  try {
    const installed = statSync(join(root, 'node_modules', '.package-lock.json')).mtimeMs;
    statSync(bin('node')); // an installation that was interrupted lacks it
    return installed + SAME_TIME_MS >= statSync(join(root, 'package-lock.json')).mtimeMs;
  } catch {
    return false; // nothing installed yet
  }
}

/**
 * Starts the server as the leader of a group of its own, so that Ctrl-C does not reach Postgres before it, and passes
 * signals on. The channel tells the server when this process is gone.
 */
function serve(args) {
  const file = join(root, 'tools', 'quickstart-serve.mjs');
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'];
  const child = spawn(bin('node'), [file, ...args], {
    env: environment,
    stdio,
    detached: true,
  });
  let last_ms = -Infinity;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (performance.now() - last_ms < SAME_SIGNAL_MS) return;
      last_ms = performance.now();
      child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
    });
  }
  return new Promise((resolve) => {
    child.once('error', (error) => {
      process.stderr.write(`quickstart: the server could not be started: ${error.message}\n`);
      resolve(1);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main();
