// Everything that must hold in a fresh clone, each step with its time against its budget, and one closing line.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment, run, step } from './step.mjs';
import { clearTally, closingLine, readTally } from './tally.mjs';

const home = mkdtempSync(join(tmpdir(), 'runseal-ci-'));
// Known logs and spools of this run stay out of the user's own.
const env = {
  ...environment,
  CI: 'true',
  XDG_CONFIG_HOME: join(home, 'config'),
  RUNSEAL_SPOOL_DIR: join(home, 'spool'),
  RUNSEAL_REQUIRE_TRAINERS: '1',
};
let failedSteps = 0;

clearTally();
// Some 6 GB, fetched and unpacked while the other tests run; what goes wrong here is told by the step that needs it.
const installing = run(process.execPath, ['tools/test-trainers.mjs', '--install-only'], { env });
await take({ name: 'cit', budget_s: 1_500 }, ['cit']);
await installing;
await take({ name: 'trainers', budget_s: 900 }, ['run', 'test:trainers']);
const tally = readTally();
// Tests that failed are counted by themselves; here only a step that failed otherwise.
if (failedSteps > 0 && Object.values(tally).some(({ failed }) => failed > 0)) failedSteps = 0;
await take({ name: 'lint', budget_s: 240 }, ['run', 'lint']);
await take({ name: 'typecheck', budget_s: 120 }, ['run', 'typecheck']);
await take({ name: 'build', budget_s: 30 }, ['run', 'build']);
const where = ['--port', String(await findFreePort()), '--data', join(home, 'data')];
await take({ name: 'quickstart', budget_s: 240 }, ['run', 'quickstart', '--', '--exit', ...where]);
rmSync(home, { recursive: true, force: true });

const line = closingLine(tally, failedSteps);
process.stdout.write(`${line}\n`);
process.exit(line.includes(', 0 failed,') ? 0 : 1);

async function take(about, args) {
  const { isOk } = await step(about, 'npm', args, { env });
  if (!isOk) failedSteps += 1;
}

/** A port P for which P + 100 is free too: metrics are served there. */
async function findFreePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 100))) return port;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
