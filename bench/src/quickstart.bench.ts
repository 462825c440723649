import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './measure.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));

export const quickstartBench: Bench = {
  name: 'quickstart',
  unit: 's',
  control: null,
  target: '< 240 s for `npm run quickstart -- --exit` in a fresh clone, most of it npm',
  isMet: (value) => value < 240,
  runs: 1,
  isCold: true,
  onlyByName: 'it needs the network and some minutes',
  prepare: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runseal-bench-'));
    // Started by root, Postgres runs as another user, who must get to its programs in the clone.
    await chmod(folder, 0o711);
    const clone = join(folder, 'runseal');
    await run('git', ['clone', '--quiet', '--no-hardlinks', repository, clone], folder);
    return {
      ours: async () => {
        const started = performance.now();
        // Known-logs of its own: the ledger is gone a moment later.
        const environment = `XDG_CONFIG_HOME=${join(folder, 'config')}`;
        await run('env', [environment, 'npm', 'run', 'quickstart', '--', '--exit', '--port', '0'], clone);
        return (performance.now() - started) / 1_000;
      },
      control: null,
      close: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

/** What the command says goes to standard error: standard output is for figures. */
function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 2, 2] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')} ended with ${String(code ?? signal)}`));
    });
  });
}
