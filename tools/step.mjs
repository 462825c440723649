// Runs one command of a longer job: quiet when it succeeds, its whole output when it fails. Needs nothing but Node 20.
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The environment of our own commands: Node 24 first, no Nx daemon, no questions, no telemetry. */
export const environment = {
  ...process.env,
  PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`,
  NX_DAEMON: 'false',
  NX_TUI: 'false',
  NX_NO_CLOUD: 'true',
  NX_INTERACTIVE: 'false',
  SCARF_ANALYTICS: 'false',
};

export const seconds = (since_ms) => (performance.now() - since_ms) / 1000;

/** `  build      12.3 s of 60 s`: what was done, how long it took, what it may take. */
export function report(name, took_s, budget_s, remark = '') {
  const over = took_s > budget_s ? ', OVER its budget' : '';
  const time = `${took_s.toFixed(1)} s of ${budget_s} s${over}`;
  process.stdout.write(`  ${name.padEnd(10)} ${time.padEnd(18)} ${remark}`.trimEnd() + '\n');
}

/** Runs a command in the root; resolves to whether it succeeded, and its output. `live` shows the output as it comes. */
export function run(command, args, { env = environment, live = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => (live ? process.stdout.write(chunk) : undefined, chunks.push(chunk)));
    }
    child.once('error', (error) => resolve({ isOk: false, output: `${command} could not be run: ${error.message}\n` }));
    child.once('close', (code, signal) => {
      const end = code === 0 ? '' : `${command} ${args.join(' ')} ended with ${signal ?? `exit code ${code}`}\n`;
      resolve({ isOk: code === 0, output: Buffer.concat(chunks).toString('utf8') + end });
    });
  });
}

/** `run` with its time against a budget, and what it said where it failed. */
export async function step({ name, budget_s, remark }, command, args, options) {
  const start = performance.now();
  const { isOk, output } = await run(command, args, options);
  report(name, seconds(start), budget_s, isOk ? remark : 'FAILED');
  if (!isOk && !options?.live) process.stdout.write(output);
  return { isOk, output };
}
