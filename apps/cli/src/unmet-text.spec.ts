import { ProblemError } from './server.js';
import { CliError } from './surroundings.js';
import { tellUnmet, unmetText } from './unmet-text.js';

const approvals = {
  requirement: 'warnings_accepted',
  found: 'warnings by G4 baseline, not accepted',
  wanted: 'a person who accepts the warnings of this verdict',
  command: 'runseal accept-warnings 019b --reason "..."',
};

test('a requirement says what was found, what is wanted, and the command that meets it', () => {
  expect(unmetText([approvals, { requirement: 'stage', found: 'None', wanted: 'Candidate', command: null }])).toBe(
    [
      '  warnings accepted: found warnings by G4 baseline, not accepted; wanted a person who accepts the',
      '  warnings of this verdict',
      '    runseal accept-warnings 019b --reason "..."',
      '  stage: found None; wanted Candidate',
    ].join('\n'),
  );
});

function thrownBy(work: () => never): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

test('a refusal that lists requirements is told as one, with exit code 1', () => {
  const problem = new ProblemError(409, 'approval_refused', 'no', { unmet: [approvals] });
  const told = thrownBy(() => tellUnmet(problem)) as CliError;
  expect(told).toMatchObject({ name: 'CliError', exitCode: 1, cause: problem });
  expect(told.message).toBe(`Refused.\n${unmetText([approvals])}`);
  const kept = new ProblemError(409, 'transition_refused', 'no', { unmet: [approvals] });
  expect((thrownBy(() => tellUnmet(kept)) as CliError).message).toMatch(
    /^Refused, and the refusal is in the ledger\.\n/,
  );
});

test('anything else is thrown on as it is', () => {
  const other = new ProblemError(404, 'not_found', 'There is no version 9.');
  expect(thrownBy(() => tellUnmet(other))).toBe(other);
  const broken = new Error('broken');
  expect(thrownBy(() => tellUnmet(broken))).toBe(broken);
});
