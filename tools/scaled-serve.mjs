// The second half of `npm run scaled`, on Node 24: start, say where everything is, serve.
import { join, relative, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { ScaledSite } from '@runseal/e2e';
import { knownLogsPath } from '@runseal/ledger';
import { report, root, seconds } from './step.mjs';

const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } });
const folder = resolve(root, values.data ?? join('.runseal', 'scaled'));
const near = (path) => relative(process.cwd(), path) || path;

let site = null;
let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);
// Whoever started this process is gone.
process.once('disconnect', stop);

const start = performance.now();
try {
  site = await ScaledSite.start({
    folder,
    restarts: true,
    say: (line) => process.stdout.write(`    ${line}\n`),
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
  });
  await site.rememberLog(knownLogsPath(process.env.XDG_CONFIG_HOME));
  report('start', seconds(start), 60, site.url);
  summarise();
  if (isStopping) await end();
} catch (error) {
  process.stderr.write(`scaled: ${error.message}\n`);
  process.exit(1);
}

function summarise() {
  const rows = [...site.services.values()].map(({ name, url, pid, logPath }) =>
    [name.padEnd(10), url.padEnd(24), `process ${pid}`.padEnd(16), near(logPath)].join(' '),
  );
  process.stdout.write(
    `\nRunseal    ${site.url}\n` +
      (site.isNew ? `Key        ${site.apiKey} (an admin's; shown only now)\n` : '') +
      `           kept in ${near(site.installationPath)}\n` +
      `Postgres   ${new URL(site.databaseUrl).host}, data in ${near(join(folder, 'postgres'))}\n` +
      `Kafka      ${site.kafka.brokers.join(',')}\n` +
      `Services   ${rows.join('\n           ')}\n` +
      `Try next   export RUNSEAL_URL=${site.url} RUNSEAL_API_KEY=...\n` +
      `           npx runseal import llamafactory apps/cli/demo/healthy-lora --experiment demo \\\n` +
      `             --dataset apps/cli/demo/healthy-lora/train.json --facts apps/cli/demo/healthy-lora/facts.yaml\n` +
      `           kill -9 any of the services: it is started again, and nothing is lost\n` +
      `\nServing until Ctrl-C.\n`,
  );
}

/** While the services are still starting, the first signal waits until they are ready; a second one ends everything at once. */
function stop() {
  if (isStopping) process.exit(1);
  isStopping = true;
  if (site) void end();
}

async function end() {
  await site.stop();
  process.exit(0);
}
