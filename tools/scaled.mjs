// `npm run scaled`: builds what changed, then hands over to Node 24, which starts every service as a process of its own.
import { parseArgs } from 'node:util';
import { buildClient } from './client.mjs';
import { bin, isInstalled, serve } from './hand-over.mjs';
import { step } from './step.mjs';

const USAGE = 'usage: npm run scaled [-- --port N] [-- --data DIR]\n';

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  try {
    parseArgs({ args, options: { port: { type: 'string' }, data: { type: 'string' } } });
  } catch (error) {
    process.stderr.write(`scaled: ${error.message}\n${USAGE}`);
    return 2;
  }
  process.stdout.write('Runseal as separate services\n');
  // Never by itself: an installation takes node_modules away from whatever else runs in this folder.
  if (!isInstalled()) {
    process.stderr.write('scaled: node_modules does not fit package-lock.json. Run "npm ci" first.\n');
    return 1;
  }
  const building = buildClient();
  const build = ['run-many', '-t', 'build', '-p', 'e2e', 'cli'];
  const isBuilt = await step({ name: 'build', budget_s: 90 }, bin('nx'), build);
  (await building)();
  return isBuilt.isOk ? serve('scaled', args) : 1;
}
