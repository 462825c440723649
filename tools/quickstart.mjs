// `npm run quickstart`: installs and builds what is missing with whatever Node there is, then hands over to Node 24.
import { performance } from 'node:perf_hooks';
import { buildClient } from './client.mjs';
import { bin, isInstalled, serve } from './hand-over.mjs';
import { report, seconds, step } from './step.mjs';

const NODE_MAJOR_MIN = 20;

async function main() {
  const args = readArguments(process.argv.slice(2));
  const start = performance.now();
  const version = readVersions();
  process.stdout.write('Runseal quickstart\n');
  report('check', seconds(start), 5, version);
  if (isInstalled()) {
    report('install', 0, 150, 'node_modules fits package-lock.json');
  } else if (
    !(await step({ name: 'install', budget_s: 150, remark: 'npm ci' }, 'npm', ['ci', '--no-audit', '--no-fund'])).isOk
  ) {
    return 1;
  }
  const building = buildClient();
  const build = ['run-many', '-t', 'build', '-p', 'cli', 'standalone'];
  const isBuilt = await step({ name: 'build', budget_s: 60 }, bin('nx'), build);
  (await building)();
  return isBuilt.isOk ? serve('quickstart', args) : 1;
}

/** Only what belongs to quickstart is passed on; a mistyped option must not start a server somewhere unexpected. */
function readArguments(args) {
  for (let at = 0; at < args.length; at += 1) {
    const [option, inline] = args[at].split('=', 2);
    if (args[at] === '--exit') continue;
    if (option !== '--port' && option !== '--data')
      fail(`Unknown option ${args[at]}. Known: --exit, --port N, --data DIR`);
    if (inline === undefined && args[(at += 1)] === undefined) fail(`${option} wants a value`);
  }
  return args;
}

function readVersions() {
  const node = process.versions.node;
  if (Number(node.split('.')[0]) < NODE_MAJOR_MIN) {
    fail(
      `Node ${node} is too old: Runseal wants Node ${NODE_MAJOR_MIN} or newer to install itself (it then brings its own).`,
    );
  }
  const manager = /npm\/(\S+)/.exec(process.env.npm_config_user_agent ?? '')?.[1];
  return `Node ${node}${manager ? `, npm ${manager}` : ''}`;
}

function fail(message) {
  process.stderr.write(`quickstart: ${message}\n`);
  process.exit(2);
}

process.exitCode = await main();
