// `npm run test:images`: builds the image, starts what docker-compose.yml says, imports a run, verifies, takes all of it away again.
// Where no engine answers, or the images of others cannot be had, it says what it left out and why.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parse } from 'yaml';
import { root, run, step } from './step.mjs';

const IMAGE = 'runseal:local';
const READY_LIMIT_MS = 180_000;
const CLI = 'node apps/cli/bin/runseal.js';
const DEMO = 'apps/cli/demo/healthy-lora';
const PASSWORD = 'only-to-try-it';
const DATABASE = `postgres://runseal_ingest:${PASSWORD}@postgres:5432/runseal`;
const SCOPES = 'admin events:write read policy:write approve';

process.exitCode = (await main()) ? 0 : 1;

/** True where all that could be tried went well. */
async function main() {
  if (!answers('docker', ['version'])) return skip('all of it', 'no Docker engine answers here');
  const args = process.env.BASE ? ['--build-arg', `BASE=${process.env.BASE}`] : [];
  const build = ['build', '--tag', IMAGE, '--file', 'deploy/docker/Dockerfile', ...args, '.'];
  if (!(await step({ name: 'build', budget_s: 600, remark: IMAGE }, 'docker', build)).isOk) return false;
  // A service without its variables names each that is missing, which shows that its program loads.
  const service = ['run', '--rm', IMAGE, 'apps/gates/dist/main.js'];
  const { output } = await run('docker', service);
  if (!say('load', output.includes('DATABASE_URL is not set'), output)) return false;
  const wheels = await run('docker', ['run', '--rm', '--entrypoint', 'sh', IMAGE, '-c', 'ls libs/sdk-python/dist']);
  if (!say('client', /^runseal-.*\.whl$/m.test(wheels.output), wheels.output)) return false;
  const compose = [['docker', 'compose'], ['docker-compose']].find(([one, ...more]) =>
    answers(one, [...more, 'version']),
  );
  if (!compose) return skip('docker-compose.yml', 'neither "docker compose" nor "docker-compose" is installed');
  const missing = imagesOfOthers().filter((image) => !isThere(image));
  if (missing.length > 0) return skip('docker-compose.yml', `${missing.join(' and ')} cannot be had here`);
  return tryCompose(compose);
}

/** In a project of its own, whatever else runs on this engine. */
async function tryCompose([command, ...before]) {
  const port = await findFreePort();
  const env = { ...process.env, RUNSEAL_PORT: String(port), RUNSEAL_DB_PASSWORD: PASSWORD };
  const name = `runseal-test-${randomBytes(3).toString('hex')}`;
  const project = [...before, '--project-name', name];
  const compose = (...args) => run(command, [...project, ...args], { env });
  /** A line of shell in a container of the image, on the network of the services. */
  const shell = (line, more = []) =>
    compose('run', '--rm', '--no-deps', '-T', ...more, '--entrypoint', 'sh', 'set-up', '-euc', line);
  try {
    const up = await step({ name: 'up', budget_s: 180 }, command, [...project, 'up', '--detach'], { env });
    const isHealthy = up.isOk && (await waitUntilHealthy(name, port));
    if (!say('healthy', isHealthy, isHealthy ? '' : (await compose('logs', '--tail=20')).output)) return false;
    const made = await shell(
      `${CLI} keys create --principal ada --kind person --scopes ${SCOPES} --database ${DATABASE}`,
    );
    const key = /rsk_[\w-]+/.exec(made.output)?.[0];
    if (!say('key', key !== undefined, made.output)) return false;
    const server = ['-e', 'RUNSEAL_URL=http://console:7456', '-e', `RUNSEAL_API_KEY=${key}`];
    const files = `--dataset ${DEMO}/train.json --facts ${DEMO}/facts.yaml`;
    const imported = await shell(`${CLI} import llamafactory ${DEMO} --experiment demo ${files}`, server);
    if (!say('import', imported.isOk && imported.output.includes('Verdict: warnings'), imported.output)) return false;
    // The verifier key comes from the server itself here; elsewhere one has it from whoever runs the server.
    const fetchKey = `fetch(process.env.RUNSEAL_URL + '/v1/log/default/key', { headers: { authorization: 'Bearer ' + process.env.RUNSEAL_API_KEY } })`;
    const verified = await shell(
      `node -e "${fetchKey}.then(async (a) => process.stdout.write(await a.text()))" > /tmp/key; ${CLI} verify --key-file /tmp/key`,
      server,
    );
    return say('verify', verified.isOk && verified.output.includes('intact'), verified.output);
  } finally {
    await step({ name: 'down', budget_s: 60 }, command, [...project, 'down', '--volumes', '--timeout', '20'], { env });
  }
}

/** Until every container is healthy by its own check, and the console answers on the port that it publishes. */
async function waitUntilHealthy(project, port) {
  const wanted = Object.values(readServices()).filter(({ healthcheck }) => healthcheck).length;
  const label = `label=com.docker.compose.project=${project}`;
  const deadline = performance.now() + READY_LIMIT_MS;
  while (performance.now() < deadline) {
    const { output } = await run('docker', ['ps', '--filter', label, '--format', '{{.Status}}']);
    if ((output.match(/\(healthy\)/g) ?? []).length === wanted) {
      return fetch(`http://127.0.0.1:${port}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return false;
}

/** Of the services that we do not build. */
function imagesOfOthers() {
  return [...new Set(Object.values(readServices()).map(({ image }) => image))].filter((image) => image !== IMAGE);
}

function readServices() {
  return parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }).services;
}

function answers(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function isThere(image) {
  return answers('docker', ['image', 'inspect', image]) || answers('docker', ['pull', '--quiet', image]);
}

function say(name, isOk, output) {
  process.stdout.write(`  ${name.padEnd(10)} ${isOk ? 'as it should be' : `FAILED\n${output}`}\n`);
  return isOk;
}

function skip(what, why) {
  process.stdout.write(`  test:images skipped ${what}: ${why}\n`);
  return true;
}

function findFreePort() {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
