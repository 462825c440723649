// The second half of `npm run quickstart`, on Node 24: start, import and judge the demo runs, verify, summarise, serve.
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { serveStandaloneUntilSignal, startStandalone } from '@runseal/standalone';
import { report, root, run, seconds } from './step.mjs';

const HEAD_LIMIT_MS = 30_000;
const OUTCOME_LIMIT_MS = 15_000;
/** As facts.yaml of both runs names it. */
const MODEL = 'tiny-llama-demo';
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

  const cli = (...args) => runCli(credentials, args);
  start = performance.now();
  const judged = await importDemo(cli);
  const sealed = judged.reduce((sum, one) => sum + one.sealed, 0);
  report('demo', seconds(start), 20, sealed > 0 ? `${sealed} events sealed` : 'the demo runs were there already');

  start = performance.now();
  const newest = await newestRecord({ url, apiKey });
  const size = await waitForHead({ url, apiKey }, newest + 1);
  const verify = await cli('verify');
  const isIntact = verify.isOk && verify.output.includes('intact');
  report('verify', seconds(start), 15, isIntact ? '' : 'FAILED');
  process.stdout.write(indent(verify.output));

  const path = relative(process.cwd(), credentialsPath) || credentialsPath;
  process.stdout.write(
    `\nRunseal    ${url}     runs, curves, verdicts; sign in with the key\n` +
      `Key        in ${path}\n` +
      `Ledger     ${log}, signed head over ${size} records in ${relative(process.cwd(), credentials.heads_dir)}\n` +
      `Runs       ${judged.map(describe).join('\n           ')}\n` +
      `Try next   npx runseal show overfit-full     its curves\n` +
      `           npx runseal why overfit-full      each gate's sentence, its values and records\n` +
      `           npx runseal demo tamper edit      change the past, then npx runseal verify, and --undo\n`,
  );
  return isIntact && judged.every((one) => one.isAsExpected);
}

/**
 * Imports the two runs as a team would: the first becomes the baseline of their model and is judged against it, the second is
 * compared with it. What is there already stays as it is.
 */
async function importDemo(cli) {
  const healthy = await importRun(cli, 'healthy-lora');
  if (healthy.overall !== 'passed') {
    await cli('baseline', 'set', '--model', MODEL, '--run', healthy.run_id, '--reason', 'the first run of this model');
    await cli('why', healthy.run_id, '--evaluate');
  }
  const overfit = await importRun(cli, 'overfit-full');
  return [
    { ...healthy, ...(await readOutcome(cli, healthy.run_id, ({ model }) => model?.stage === 'Candidate')) },
    { ...overfit, ...(await readOutcome(cli, overfit.run_id, ({ verdict }) => verdict?.overall === 'blocked')) },
  ];
}

async function importRun(cli, name) {
  const folder = join(root, 'apps', 'cli', 'demo', name);
  const given = ['--dataset', join(folder, 'train.json'), '--facts', join(folder, 'facts.yaml')];
  const { output, isOk } = await cli('import', 'llamafactory', folder, '--experiment', 'demo', ...given, '--json');
  if (!isOk) throw new Error(`${name} could not be imported:\n${output}`);
  return { name, ...JSON.parse(output) };
}

/** The run once it is as it is to be, or as it is when that takes too long. */
async function readOutcome(cli, run, isExpected) {
  const deadline = performance.now() + OUTCOME_LIMIT_MS;
  for (;;) {
    const shown = JSON.parse((await cli('show', run, '--json')).output);
    const isAsExpected = isExpected({ model: shown.run.model, verdict: shown.verdict });
    if (isAsExpected || performance.now() > deadline) return { ...shown, isAsExpected };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function describe({ name, run, verdict, isAsExpected }) {
  const { model } = run;
  const stage = model ? `, ${model.name} version ${model.version} is at stage ${model.stage}` : '';
  const unmet = (verdict?.gates ?? []).filter((gate) => !['pass', 'skipped'].includes(gate.verdict));
  const reasons = unmet.map((gate) => `\n             ${gate.id} ${gate.verdict}: ${gate.explanation}`).join('');
  const doubt = isAsExpected ? '' : '   NOT AS EXPECTED';
  return `${name}: ${verdict?.overall ?? 'not judged'}${stage}${doubt}${reasons}`;
}

async function newestRecord({ url, apiKey }) {
  const response = await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${apiKey}` } });
  return (await response.json()).newest.seq;
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

function runCli({ url, api_key }, args) {
  const env = { ...process.env, RUNSEAL_URL: url, RUNSEAL_API_KEY: api_key };
  return run(process.execPath, [join(root, 'apps', 'cli', 'bin', 'runseal.js'), ...args], { env });
}

function indent(text) {
  return text.trimEnd().replace(/^/gm, '    ') + '\n';
}
