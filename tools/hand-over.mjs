// What quickstart and scaled have in common: the first half runs on whatever Node there is, the second on Node 24.
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { environment, root } from './step.mjs';

/** Two files of one installation are written moments apart. */
const SAME_TIME_MS = 5_000;
/** Ctrl-C in a terminal reaches this process twice: from the terminal and from npm. */
const SAME_SIGNAL_MS = 1_000;

export const bin = (name) => join(root, 'node_modules', '.bin', name);

/** Whether npm installed what the lock file says: what it wrote into node_modules is not older than the lock file. */
export function isInstalled() {
  try {
    const installed = statSync(join(root, 'node_modules', '.package-lock.json')).mtimeMs;
    statSync(bin('node')); // an installation that was interrupted lacks it
    return installed + SAME_TIME_MS >= statSync(join(root, 'package-lock.json')).mtimeMs;
  } catch {
    return false; // nothing installed yet
  }
}

/**
 * Runs tools/<name>-serve.mjs as the leader of a group of its own, so that Ctrl-C does not reach Postgres before it, and passes
 * signals on. The channel tells the server when this process is gone. Resolves to its exit code.
 */
export function serve(name, args) {
  const file = join(root, 'tools', `${name}-serve.mjs`);
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
      process.stderr.write(`${name}: the server could not be started: ${error.message}\n`);
      resolve(1);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
