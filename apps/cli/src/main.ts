import { readEnvironment } from './environment.js';
import { runCli } from './run-cli.js';

/** The process's own command: its arguments, its streams, its exit code. */
export async function main(): Promise<void> {
  const interrupt = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    // The second signal ends at once; a command that does not listen to the first would never end.
    process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
    interrupt.abort();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // Whoever reads our output may stop reading, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await runCli(process.argv.slice(2), {
    out: process.stdout,
    err: process.stderr,
    folder: process.cwd(),
    environment: readEnvironment(),
    interrupted: interrupt.signal,
  });
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
}
