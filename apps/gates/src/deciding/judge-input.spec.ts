import { evolveRun, newRunFacts, type RunEvent, type RunFacts } from '@runseal/rules';
import { v7 as uuidv7 } from 'uuid';
import { digestOf, SampleRun, type Told } from '../sample-run.fixture.js';
import { judgeInputOf } from './judge-input.js';
import type { StoredRows } from './metric-columns.js';

const factsOf = (events: readonly Told[]): RunFacts =>
  events.reduce(
    (facts, told, seq) =>
      evolveRun(facts, {
        ...{ seq, hash: '0'.repeat(64), id: told.id ?? uuidv7(), stream: told.stream, type: told.type, actor: 'p_a' },
        ...{ occurred_at: null, sealed_at: '2026-01-26T10:30:00.000Z', producer: null, payload: told.payload },
      } as unknown as RunEvent),
    newRunFacts(),
  );
const stored = (attempt: string, steps: readonly number[], first_seq = 0): StoredRows => ({
  attempt,
  first_seq,
  rows: {
    kind: steps.map(() => 'train' as const),
    step: steps,
    n: steps.map(() => 0),
    seq: steps,
    loss: steps.map(() => 1),
    grad_norm: steps.map(() => null),
    eval_loss: steps.map(() => null),
    others: {},
  },
});
const inputOf = (events: readonly Told[], rows: readonly StoredRows[] = []) =>
  judgeInputOf({ facts: factsOf(events), rows, isRegistered: () => true, references: {}, overridden: [] });

const sample = new SampleRun('support');
const [second, third] = [uuidv7(), uuidv7()];

describe('the attempts behind the final weights', () => {
  const attempts = (events: readonly Told[], rows: readonly StoredRows[] = []) =>
    inputOf(events, rows).attempts.map(({ attempt, until }) => [attempt, until]);

  it('are those that the final one resumes from, each up to the step where the next went on', () => {
    const events = [
      sample.begins(),
      sample.begins(second, { attempt: sample.attempt, step: 50 }),
      sample.begins(third, { attempt: second, step: 80 }),
    ];
    const ending = (attempt: string, step: number) =>
      sample.finished({ attempt: third, final_weights: { attempt, step } });
    expect(attempts([...events, ending(third, 100)])).toEqual([
      [sample.attempt, 50],
      [second, 80],
      [third, null],
    ]);
    expect(attempts([...events, ending(second, 70)])).toEqual([
      [sample.attempt, 50],
      [second, null],
    ]);
  });

  it('go up to the next one’s first row where it does not say from where it resumes', () => {
    const events = [
      sample.begins(),
      sample.begins(second, { attempt: null, step: null }),
      sample.finished({ attempt: second, final_weights: { attempt: second, step: 60 } }),
    ];
    const rows = [stored(sample.attempt, [10, 20, 30, 40]), stored(second, [30, 40, 50])];
    expect(attempts(events, rows)).toEqual([
      [sample.attempt, 20],
      [second, null],
    ]);
  });

  it('are all of them, undeclared ones too, where the run does not tell which weights are final', () => {
    const events = [sample.begins(), sample.begins(second), sample.finished({ final_weights: null })];
    const rows = [stored(third, [1], 7), stored(second, [1], 9)];
    expect(attempts(events, rows)).toEqual([
      [third, -Infinity],
      [sample.attempt, -Infinity],
      [second, null],
    ]);
  });
});

describe('warm-up', () => {
  const warmup = (parameters: Record<string, number | string>) =>
    inputOf([sample.begins(), sample.parameters(parameters), sample.finished()]).warmupSteps?.value ?? null;

  it('is what the parameters name, in steps or as a share of all steps', () => {
    expect(warmup({ warmup_steps: 10 })).toBe(10);
    expect(warmup({ warmup_steps: 0, warmup_ratio: 0.03 })).toBe(3);
    expect(warmup({ warmup_ratio: 0.025 })).toBe(3);
    expect(warmup({ warmup_steps: 0.1 })).toBe(10);
    expect(warmup({ warmup_steps: 0 })).toBeNull();
    expect(warmup({ warmup_ratio: 'none' })).toBeNull();
    expect(warmup({ learning_rate: 1 })).toBeNull();
  });
});

describe('the objective', () => {
  it('is the run’s, else the trainer’s stage', () => {
    const objectiveOf = (objective: string | null, stage?: string) =>
      inputOf([sample.started({ objective }), ...(stage ? [sample.parameters({ stage })] : [])]).objective?.value ??
      null;
    expect([objectiveOf('dpo', 'sft'), objectiveOf(null, 'kto'), objectiveOf(null)]).toEqual(['dpo', 'kto', null]);
  });
});

describe('task metrics', () => {
  const metric = (name: string, value: number | 'NaN', to: number, standard_error: number | null = null) => ({
    ...{ name, value, scale: { from: 0, to }, standard_error },
  });
  const metricsOf = (...evaluated: Told[]) =>
    inputOf([sample.begins(), ...evaluated, sample.finished()]).taskMetrics.map(({ name, value, standard_error }) => [
      name,
      value,
      standard_error,
    ]);

  it('stand on the registry’s scale, under its names', () => {
    const all = [
      metric('eval_rouge-1', 45, 100, 2),
      metric('human_score', 7, 10),
      metric('f1', 0.5, 1),
      metric('bleu', 'NaN', 1),
    ];
    expect(metricsOf(sample.evaluated(all))).toEqual([
      ['rouge-1', 0.45, 0.02],
      ['human_score', 3.5, null],
      ['f1', 0.5, null],
      ['bleu', NaN, null],
    ]);
  });

  it('count where the evaluation is of the final weights, by digest, by step, or by coming after training', () => {
    const f1 = [metric('f1', 0.5, 1)];
    const of = (weights: object | null, more: object = {}) =>
      metricsOf(
        ...sample.material(),
        sample.evaluated(f1, { weights: weights as never, after_training: null, ...more }),
      ).length;
    const by = (change: object) => of({ attempt: null, step: null, digest: null, ...change });
    expect(by({ step: 100 })).toBe(1);
    expect(by({ step: 50 })).toBe(0);
    expect(by({ step: 100, attempt: second })).toBe(0);
    expect(by({ digest: digestOf('weights') })).toBe(1);
    expect(by({ digest: digestOf('other') })).toBe(0);
    expect(of(null)).toBe(0);
    expect(of(null, { after_training: true })).toBe(1);
    expect(of(null, { row: { attempt: sample.attempt, kind: 'eval', step: 100, n: 0 } })).toBe(1);
    expect(of(null, { row: { attempt: sample.attempt, kind: 'eval', step: 50, n: 0 } })).toBe(0);
  });
});

describe('a declared row', () => {
  it('is of the final weights, of others, or says nothing', () => {
    const row = { attempt: sample.attempt, kind: 'eval' as const, step: 120, n: 1 };
    const isFinal = (more: object) =>
      inputOf([sample.begins(), sample.evaluated([], { row, ...more }), sample.finished()]).declaredRows[0]?.isFinal;
    const weights = (step: number | null) => ({ weights: { attempt: null, step, digest: null }, after_training: null });
    expect([isFinal(weights(100)), isFinal(weights(50)), isFinal(weights(null))]).toEqual([true, false, null]);
    expect(isFinal({ weights: null, after_training: true })).toBe(true);
  });
});
