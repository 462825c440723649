import { gate, RUN, tooWide, verdictAnswer } from './answers.fixture.js';
import { explainVerdict, gatesLine } from './verdict-text.js';

test('the gates’ line says of those that do not pass how much they weigh', () => {
  const gates = [
    gate('G1'),
    gate('G2', { verdict: 'skipped', severity: 'warn' }),
    gate('G3', { verdict: 'fail', severity: 'warn' }),
    gate('G4', { verdict: 'missing' }),
    gate('G5', { verdict: 'error', shadow: true }),
  ];
  expect(gatesLine(gates)).toBe('G1 pass  G2 skipped  G3 FAIL (warn)  G4 MISSING (block)  G5 ERROR (shadow)');
});

test('a verdict names what it rests on, and each gate its sentence with every value and its record', () => {
  const inputs = [
    { name: 'loss', value: 'NaN', seq: 12 },
    { name: 'loss rows', value: 68, seq: null },
  ];
  const gates = [gate('G1', { verdict: 'fail', explanation: 'loss is NaN at step 20.', inputs })];
  const verdict = verdictAnswer({
    overall: 'blocked',
    gates,
    policy: { id: 'support', version: 3, hash: 'f'.repeat(64) },
  });
  expect(explainVerdict(verdict)).toBe(
    [
      `BLOCKED  run ${RUN}`,
      '  sealed in record 125, 2026-01-26 13:37:01Z, on the records up to 121',
      '  by policy support (version 3, ffffffffffff…) and engine runseal-gates/1',
      '',
      'G1 task quality: FAIL (block)',
      '   loss is NaN at step 20.',
      '     loss       NaN  (record 12)',
      '     loss rows  68',
    ].join('\n'),
  );
});

test('says which verdicts came before, which one came after, and who accepted', () => {
  const accepted = { by: 'p_ada', reason: 'small set', seq: 130 };
  const verdict = verdictAnswer({ overall: 'warnings', accepted, superseded_by: 'other' });
  const text = explainVerdict(verdict, [verdictAnswer({ seq: 123, overall: 'blocked' })]);
  expect(text).toContain('\n  before: blocked (record 123)\n');
  expect(text).toContain('\n  warnings accepted by p_ada in record 130: small set\n');
  expect(text).toContain('\n  superseded by verdict other\n');
  expect(text).toContain('(built in, 169ad08c61c4…)');
});

test('warnings that nobody accepted yet name the command that does; nothing else does', () => {
  const command = `runseal accept-warnings ${RUN} --reason "..."`;
  expect(explainVerdict(verdictAnswer({ overall: 'warnings' }))).toContain(command);
  const accepted = { by: 'p_ada', reason: 'small set', seq: 130 };
  for (const other of [
    verdictAnswer(),
    verdictAnswer({ overall: 'blocked' }),
    verdictAnswer({ overall: 'warnings', accepted }),
    verdictAnswer({ overall: 'warnings', superseded_by: 'other' }),
  ])
    expect(explainVerdict(other)).not.toContain('accept-warnings');
});

test('long sentences are broken into lines, and no text of a trainer steers the terminal', () => {
  const explanation = `eval_loss ${'4.663 at step 320 '.repeat(20)}\u001b[2J\u001b]0;title\u0007`;
  const text = explainVerdict(verdictAnswer({ gates: [gate('G3', { explanation })] }));
  expect(tooWide(text)).toEqual([]);
  expect(text).not.toMatch(/[\u001b\u0007]/);
});

test('a gate that policy only watches is shown as not counted', () => {
  const text = explainVerdict(verdictAnswer({ gates: [gate('X1', { shadow: true, verdict: 'fail' })] }));
  expect(text).toContain('X1 task quality: FAIL (shadow, not counted)');
});

test('a sentence that enumerates much is shown as a list, a value that is not there as a dash', () => {
  const explanation = '3 of 34 fields are not complete: a is missing; b is missing (state it); c is wrong. And 1 more.';
  const text = explainVerdict(
    verdictAnswer({ gates: [gate('G6', { explanation, inputs: [{ name: 'a', value: null, seq: null }] })] }),
  );
  expect(text.split('\n').slice(-5)).toEqual([
    '   3 of 34 fields are not complete:',
    '   - a is missing',
    '   - b is missing (state it)',
    '   - c is wrong. And 1 more.',
    '     a  -',
  ]);
});
