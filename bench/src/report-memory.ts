import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

// Loaded before a process's own script: tells file descriptor 3 its peak, which the kernel gives in units of 1024 bytes.
if (isMainThread) {
  process.once('exit', () => writeSync(3, String((process.resourceUsage().maxRSS * 1024) / 1e6)));
}
