/** Writes what waits in memory to the spool; synchronous, because nothing else runs at a process's exit. */
interface Flushable {
  flushMetrics(): void;
}

const open = new Set<Flushable>();
const flushAll = () => {
  for (const run of open) run.flushMetrics();
};

/** A process that ends without `finish` still spools its last rows. A SIGKILL does not ask: it takes those in memory. */
export function rememberRun(run: Flushable): void {
  if (open.size === 0) process.on('exit', flushAll);
  open.add(run);
}

export function forgetRun(run: Flushable): void {
  open.delete(run);
  if (open.size === 0) process.off('exit', flushAll);
}
