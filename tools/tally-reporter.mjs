// Writes how many tests of a package passed, failed and were skipped; `.ci/run` adds the files up to one closing line.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export default class TallyReporter {
  constructor(_config, options) {
    this.options = options;
  }

  onRunComplete(_contexts, results) {
    const folder = join(this.options.root, 'tmp/tally');
    mkdirSync(folder, { recursive: true });
    const tally = {
      passed: results.numPassedTests,
      // A suite that does not even load has no failed test of its own: count it as one.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    writeFileSync(join(folder, `${this.options.name}.json`), JSON.stringify(tally));
  }
}
