import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export const script = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
export const cli = fileURLToPath(new URL('bin/runseal.js', import.meta.resolve('@runseal/cli/package.json')));
export const standalone = fileURLToPath(
  new URL('dist/main.js', import.meta.resolve('@runseal/standalone/package.json')),
);

export interface Place {
  /** Working directory. */
  readonly folder: string;
  /** Stands in for ~/.config. */
  readonly config: string;
  /** Only the first of the cores, or all of them. */
  readonly cores?: 1 | 'all';
}

export interface Ended {
  readonly output: string;
  /** From the call to the end of the process. */
  readonly seconds: number;
  /** Most memory that the process held at any time, in MB of 10^6 bytes. */
  readonly peak_mb: number;
}

/** Node with a script, in an environment of its own. File descriptor 3 tells the peak of its memory at its end. */
export function startNode(args: readonly string[], place: Place, stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  const command = [process.execPath, '--import', script('report-memory'), ...args];
  const [file = '', ...rest] = place.cores === 1 ? ['taskset', '--cpu-list', '0', ...command] : command;
  const stdio: StdioOptions = [stdin, 'pipe', 'inherit', 'pipe'];
  const env = { XDG_CONFIG_HOME: place.config, PATH: '/usr/local/bin:/usr/bin:/bin' };
  return spawn(file, rest, { cwd: place.folder, env, stdio });
}

/** Rejects where the process ends with another exit code than 0. */
export async function runNode(args: readonly string[], place: Place): Promise<Ended> {
  const started = performance.now();
  const child = startNode(args, place);
  const output = text(child.stdout as Readable);
  const { peak_mb } = await endOf(child, args.join(' '));
  return { output: await output, seconds: (performance.now() - started) / 1_000, peak_mb };
}

export async function endOf(child: ChildProcess, words: string): Promise<{ peak_mb: number }> {
  const memory = text(child.stdio[3] as Readable);
  const code = await new Promise<unknown>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  if (code !== 0) throw new Error(`${words} ended with ${String(code)}`);
  return { peak_mb: Number(await memory) };
}
