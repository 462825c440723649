// Adds up what the suites counted (tmp/tally/*.json, one file a project, written by tally-reporter.mjs).
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './step.mjs';

const folder = join(root, 'tmp', 'tally');

export function clearTally() {
  rmSync(folder, { recursive: true, force: true });
}

/** By project: `{passed, failed, skipped}`. */
export function readTally() {
  if (!existsSync(folder)) return {};
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return Object.fromEntries(
    names.sort().map((name) => [name.slice(0, -'.json'.length), JSON.parse(readFileSync(join(folder, name), 'utf8'))]),
  );
}

/** The closing line; steps that failed beside the tests count as failures. */
export function closingLine(tally, failedSteps = 0) {
  const sum = (member) => Object.values(tally).reduce((total, one) => total + one[member], 0);
  return `${sum('passed')} passed, ${sum('failed') + failedSteps} failed, ${sum('skipped')} skipped`;
}
