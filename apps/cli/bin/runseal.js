#!/usr/bin/env node
import { existsSync } from 'node:fs';

const built = new URL('../dist/index.js', import.meta.url);
if (existsSync(built)) {
  const { main } = await import(built.href);
  await main();
} else {
  process.stderr.write('runseal is not built yet. Run "npm ci" and then "npm run build" in its repository.\n');
  process.exitCode = 2;
}
