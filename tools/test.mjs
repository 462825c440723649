// `npm test`: builds (tests with child processes run the builds), runs every suite, prints a line a suite and their sum.
import { run, step } from './step.mjs';
import { clearTally, closingLine, readTally } from './tally.mjs';

const nx = (args) => ['run-many', ...args];

clearTally();
const build = await step({ name: 'build', budget_s: 60 }, 'nx', nx(['-t', 'build']));
if (!build.isOk) {
  process.stdout.write(`${closingLine({}, 1)}\n`);
  process.exit(1);
}
const shown = new Set();
const watch = setInterval(showNew, 250);
const tests = await run('nx', nx(['-t', 'test', '--parallel=2', ...process.argv.slice(2)]));
clearInterval(watch);
showNew();
const tally = readTally();
if (!tests.isOk) process.stdout.write(tests.output);
// A suite that died before it could count is a failure of the step, unless failures were counted anyway.
const isCounted = Object.values(tally).some(({ failed }) => failed > 0);
process.stdout.write(`${closingLine(tally, tests.isOk || isCounted ? 0 : 1)}\n`);
process.exit(tests.isOk ? 0 : 1);

function showNew() {
  for (const [name, one] of Object.entries(readTally())) {
    if (shown.has(name)) continue;
    shown.add(name);
    process.stdout.write(`  ${name.padEnd(12)} ${closingLine({ [name]: one })}\n`);
  }
}
