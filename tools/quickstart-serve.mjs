// The second half of `npm run quickstart`, on Node 24: start, replay the demo runs, verify, summarise, serve.
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { replayDemo, serveStandaloneUntilSignal, startStandalone } from '@runseal/standalone';
import { report, root, run, seconds } from './step.mjs';

const HEAD_LIMIT_MS = 30_000;
const options = { exit: { type: 'boolean' }, port: { type: 'string' }, data: { type: 'string' } };
const { values } = parseArgs({ options });
const data = resolve(root, values.data ?? '.runseal');

let start = performance.now();
const standalone = await startStandalone({ port: Number(values.port ?? 7450), data }).catch((error) => {
  process.stderr.write(`quickstart: ${error.message}\n`);
  process.exit(1);
});
// Whoever started this process is gone: end as at SIGTERM.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
serveStandaloneUntilSignal(standalone);

let isOk = false;
try {
  isOk = await demonstrate();
} catch (error) {
  process.stderr.write(`quickstart: ${error.message}\n`);
}
if (values.exit || !isOk) {
  await standalone.close();
  process.exit(isOk ? 0 : 1);
}
process.stdout.write('\nServing until Ctrl-C.\n');

/** Everything after the start. False where the ledger does not verify. */
async function demonstrate() {
  const { url, credentialsPath, newApiKey } = standalone;
  const credentials = JSON.parse(readFileSync(credentialsPath, 'utf8'));
  const { api_key: apiKey, log } = credentials;
  report('start', seconds(start), 10, url);
  if (newApiKey) process.stdout.write(`    admin key, shown only now: ${newApiKey}\n`);

  start = performance.now();
  const lines = [];
  const runs = await replayDemo({ url, apiKey, say: (line) => lines.push(line) });
  const sealed = runs.reduce((sum, one) => sum + one.sealed, 0);
  report('demo', seconds(start), 10, sealed > 0 ? `${sealed} events sealed` : 'the demo runs were there already');
  for (const line of sealed > 0 ? lines : []) process.stdout.write(`    ${line}\n`);

  start = performance.now();
  const size = await waitForHead({ url, apiKey }, Math.max(...runs.map((one) => one.last_seq)) + 1);
  const verify = await runVerify(credentials);
  const isIntact = verify.isOk && verify.output.includes('intact');
  report('verify', seconds(start), 15, isIntact ? '' : 'FAILED');
  process.stdout.write(indent(verify.output));

  const path = relative(process.cwd(), credentialsPath) || credentialsPath;
  const rows = runs.map((one) => `${one.name} (${one.rows} rows, run ${one.run_id})`).join('\n           ');
  process.stdout.write(
    `\nRunseal    ${url}\n` +
      `Key        in ${path}\n` +
      `Ledger     ${log}, signed head over ${size} records in ${relative(process.cwd(), credentials.heads_dir)}\n` +
      `Runs       ${rows}\n` +
      `Try next   npx runseal verify\n` +
      `           npx runseal demo tamper edit     then verify again, and --undo\n`,
  );
  return isIntact;
}

/** The records that the newest signed head covers, once it covers `size`. */
async function waitForHead({ url, apiKey }, size) {
  const deadline = performance.now() + HEAD_LIMIT_MS;
  for (;;) {
    const response = await fetch(`${url}/v1/log/default/checkpoint`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const covered = response.ok ? Number((await response.text()).split('\n')[1]) : 0;
    if (covered >= size) return covered;
    if (performance.now() > deadline) throw new Error(`no signed head covers the ${size} records (newest: ${covered})`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function runVerify({ url, api_key }) {
  const env = { ...process.env, RUNSEAL_URL: url, RUNSEAL_API_KEY: api_key };
  return run(process.execPath, [join(root, 'apps', 'cli', 'bin', 'runseal.js'), 'verify'], { env });
}

function indent(text) {
  return text.trimEnd().replace(/^/gm, '    ') + '\n';
}
