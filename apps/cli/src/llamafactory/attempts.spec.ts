import { attemptOfStep, findAttempts } from './attempts.js';
import { losses, logText, pythonJson, stateOf, type LoggedRow } from './run-folder.fixture.js';
import { parseTrainerLog } from './trainer-log.js';
import { parseTrainerState } from './trainer-state.js';

interface Given {
  log?: string;
  state?: readonly LoggedRow[];
  saved?: readonly number[];
}

function attemptsOf({ log, state, saved = [] }: Given) {
  return findAttempts({
    log: log === undefined ? null : parseTrainerLog(log),
    state: state === undefined ? null : parseTrainerState(pythonJson(stateOf(state, 100)), 'trainer_state.json'),
    isSaved: (step) => saved.includes(step),
  });
}

const stepsOf = (attempts: ReturnType<typeof attemptsOf>) => attempts.map(({ rows }) => rows.map(({ step }) => step));

describe('findAttempts', () => {
  it('reads one attempt of a log, of a state, and of both the same one', () => {
    const rows = losses(1, 5);
    for (const given of [{ log: logText(rows, 100) }, { state: rows }, { log: logText(rows, 100), state: rows }]) {
      expect(stepsOf(attemptsOf(given))).toEqual([[1, 2, 3, 4, 5]]);
    }
  });

  it('finds a resumed run by its steps, and the weights that it went on from', () => {
    const attempts = attemptsOf({
      log: logText(losses(10, 170, 10), 200) + logText(losses(160, 200, 10), 200),
      saved: [50, 100, 150],
    });
    expect(attempts.map(({ resumesStep }) => resumesStep)).toEqual([null, 150]);
    expect(stepsOf(attempts)[0]?.at(-1)).toBe(170);
  });

  it('finds one that resumed where it ended by its time alone, and says null where nothing was saved', () => {
    const attempts = attemptsOf({ log: logText(losses(1, 5), 10) + logText(losses(6, 10), 10) });
    expect(stepsOf(attempts)).toEqual([
      [1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10],
    ]);
    expect(attempts[1]?.resumesStep).toBeNull();
  });

  it('gives each row of the history to the attempt that made it, the last one that reached its step', () => {
    const log = logText(losses(1, 20), 100) + logText(losses(16, 30), 100) + logText(losses(11, 12), 100);
    const attempts = attemptsOf({ log, state: losses(1, 12), saved: [10, 15] });
    expect(attempts.map(({ resumesStep }) => resumesStep)).toEqual([null, 15, 10]);
    expect(stepsOf(attempts)).toEqual(
      [losses(1, 20), losses(16, 30), losses(11, 12)].map((rows) => rows.map(({ step }) => step)),
    );
    const hasNorm = attempts.map(({ rows }) => rows.filter(({ values }) => 'grad_norm' in values).length);
    expect(hasNorm).toEqual([10, 0, 2]);
    expect([5, 12, 14, 25, 99].map((step) => attemptOfStep(attempts, step))).toEqual([0, 2, 0, 1, 2]);
  });

  it('keeps rows that only the log has after the newest state, in order of their steps', () => {
    const attempts = attemptsOf({ log: logText(losses(1, 8), 100), state: losses(1, 5) });
    expect(stepsOf(attempts)).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  it('keeps the order within a step: two evaluations at the last one, the summary between them', () => {
    const state = [...losses(1, 3), { step: 3, eval_loss: 2 }, { step: 3, train_loss: 1 }, { step: 3, eval_loss: 1.9 }];
    const [attempt] = attemptsOf({
      log: logText([...losses(1, 3), { step: 3, eval_loss: 2 }], 100, { ends: true }),
      state,
    });
    expect(attempt?.rows.slice(-3).map(({ kind, values }) => [kind, values['eval_loss']])).toEqual([
      ['eval', 2],
      ['summary', undefined],
      ['eval', 1.9],
    ]);
  });

  it('refuses a log that begins again at the start: two runs', () => {
    const log = logText(losses(1, 5), 10) + logText(losses(1, 7), 10);
    expect(() => attemptsOf({ log })).toThrow(/holds two runs: at line 6 it begins again at step 1/);
  });

  it('refuses a log and a state that have other losses at one step, and takes rounded ones for the same', () => {
    const rows = losses(1, 5);
    const other = rows.map((row) => (row.step === 4 ? { ...row, loss: 0.5 } : row));
    expect(() => attemptsOf({ log: logText(rows, 100), state: other })).toThrow(
      /two runs: at step 4 .*loss 0\.5.*line 4/,
    );
    const rounded = rows.map((row) => ({ ...row, loss: Number((row.loss as number).toFixed(4)) }));
    expect(stepsOf(attemptsOf({ log: logText(rounded, 100), state: rows }))).toEqual([[1, 2, 3, 4, 5]]);
  });

  it('refuses a history whose steps fall', () => {
    expect(() => attemptsOf({ state: [...losses(1, 5), ...losses(3, 6)] })).toThrow(/goes back from step 5 to 3/);
  });
});
