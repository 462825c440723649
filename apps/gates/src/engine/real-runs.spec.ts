import { readFileSync } from 'node:fs';
import type { JudgeInput } from './input.js';
import { attemptOf, inputOf, lossRows, verdictOf, type RowGiven } from './judge-input.fixture.js';

const readRows = (name: string): RowGiven[] =>
  JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8')) as RowGiven[];

interface Known {
  /** Of the final weights. */
  readonly step: number;
  readonly warmup: number;
  readonly objective: string;
  /** By hand, as the comments say. */
  readonly verdicts: readonly [g1: string, g2: string, g3: string];
  readonly g2: string;
  readonly g3: string;
}

const judged = (
  rows: readonly RowGiven[],
  { step, warmup, objective }: Pick<Known, 'step' | 'warmup' | 'objective'>,
): JudgeInput =>
  inputOf({
    attempts: [attemptOf(rows)],
    weights: { attempt: 'a', step },
    warmupSteps: warmup > 0 ? { value: warmup, seq: 2 } : null,
    objective: { value: objective, seq: 1 },
    references: {},
  });

describe('real runs', () => {
  // No value of any of these runs is non-finite; the lowest grad_norm of all is 0.130 and the lowest loss 0.0101: G1 passes.
  it.each<[string, Known]>([
    [
      // 68 loss rows, those of the steps 1, 5 and 10 are warm-up: n = 65, w = 7. Medians: rows 15 to 45 -> 4.2360, rows 310 to 339
      // -> 3.0827; 3.0827 / 4.2360 = 0.7277. Evaluations at 300 and 339: 7 rows between, mean 3.15060; 3.26488 / 3.15060 = 1.0363.
      'healthy-lora',
      {
        step: 339,
        warmup: 10,
        objective: 'sft',
        verdicts: ['pass', 'pass', 'pass'],
        g2: 'The median loss of the last 7 rows is 3.083, of the first 7 4.236 (ratio 0.7277), the 10 warm-up steps left out; wanted below 4.194.',
        g3: 'eval_loss 3.265 at step 339 is 1.036 times the mean loss 3.151 of 7 rows of the steps in (300, 339]; wanted below 1.2.',
      },
    ],
    [
      // n = 62, w = 7; 0.08605 / 2.13763 = 0.0403. Rows 305 to 320: mean 0.079390; 4.90752 / 0.079390 = 61.816.
      'overfit-full',
      {
        step: 320,
        warmup: 10,
        objective: 'sft',
        verdicts: ['pass', 'pass', 'fail'],
        g2: 'The median loss of the last 7 rows is 0.08605, of the first 7 2.138 (ratio 0.04026), the 10 warm-up steps left out; wanted below 2.116.',
        g3: 'eval_loss 4.908 at step 320 is 61.82 times the mean loss 0.07939 of 4 rows of the steps in (300, 320]; wanted below 1.2.',
      },
    ],
    [
      // The weights of step 300 are loaded at the end. Rows up to 300: n = 61, w = 7; 0.75541 / 3.69150 = 0.2046. Rows 245 to 300:
      // mean 0.756193; 0.840125 / 0.756193 = 1.1110. The two evaluations under step 342 are not looked at.
      'transformers-trainer',
      {
        step: 300,
        warmup: 0,
        objective: 'sft',
        verdicts: ['pass', 'pass', 'pass'],
        g2: 'The median loss of the last 7 rows is 0.7554, of the first 7 3.691 (ratio 0.2046); wanted below 3.655.',
        g3: 'eval_loss 0.8401 at step 300 is 1.111 times the mean loss 0.7562 of 12 rows of the steps in (240, 300]; wanted below 1.2.',
      },
    ],
    [
      // n = 65, w = 7; 0.12805 / 0.61524 = 0.2081. Rows in (216, 270]: 13, mean 0.135925; 0.415989 - 0.135925 = 0.280065 <= 0.3. The
      // ratio would be 3.06.
      'trl-dpo',
      {
        step: 270,
        warmup: 10,
        objective: 'dpo',
        verdicts: ['pass', 'pass', 'pass'],
        g2: 'The median loss of the last 7 rows is 0.1281, of the first 7 0.6152 (ratio 0.2081), the 10 warm-up steps left out; wanted below 0.6091.',
        g3: 'eval_loss 0.416 at step 270 less the mean loss 0.1359 of 13 rows of the steps in (216, 270] is 0.2801; wanted at most 0.3 (the objective’s loss can come near 0, where a ratio says nothing).',
      },
    ],
    [
      // n = 57, w = 6; 3.64256 / 5.54651 = 0.6567. Rows in (200, 226]: 6, mean 3.641291; 3.837267 / 3.641291 = 1.0538.
      'trl-sft',
      {
        step: 226,
        warmup: 0,
        objective: 'sft',
        verdicts: ['pass', 'pass', 'pass'],
        g2: 'The median loss of the last 6 rows is 3.643, of the first 6 5.547 (ratio 0.6567); wanted below 5.491.',
        g3: 'eval_loss 3.837 at step 226 is 1.054 times the mean loss 3.641 of 6 rows of the steps in (200, 226]; wanted below 1.2.',
      },
    ],
  ])('%s comes out as worked out by hand', (name, known) => {
    const input = judged(readRows(name), known);
    expect(['G1', 'G2', 'G3'].map((id) => verdictOf(id, input).verdict)).toEqual(known.verdicts);
    expect(verdictOf('G2', input).explanation).toBe(known.g2);
    expect(verdictOf('G3', input).explanation).toBe(known.g3);
    expect(verdictOf('G4', input)).toMatchObject({ verdict: 'missing', severity: 'warn' });
  });

  // Without the loading of the best weights the final ones are those of 342: the first evaluation there, 0.84098, counts.
  it('takes the first of two evaluations under one step', () => {
    const input = judged(readRows('transformers-trainer'), { step: 342, warmup: 0, objective: 'sft' });
    expect(verdictOf('G3', input).inputs.find(({ name }) => name === 'eval_loss')?.value).toBe(0.840981125831604);
  });

  // The overfitted run with its best checkpoint, 40: the 4 rows in (20, 40] have the mean 2.00391; 2.55428 / it = 1.2746.
  it('fails the overfitted run at its best step too', () => {
    const input = judged(readRows('overfit-full'), { step: 40, warmup: 10, objective: 'sft' });
    const { verdict, explanation } = verdictOf('G3', input);
    expect([verdict, explanation]).toEqual([
      'fail',
      expect.stringContaining('is 1.275 times the mean loss 2.004 of 4 rows'),
    ]);
  });

  // A published LoRA of a 7B model: 675 loss rows without grad_norm every 10 steps to 6750, warm-up 10 % (675 steps), evaluations
  // every 500 steps to 6500. Left out are 67 rows: n = 608, w = 61; its medians are 1.8269 and 1.574, ratio 0.8616. The final
  // weights are those of step 6750, which was not evaluated: G3 is missing, and nobody set a baseline.
  it('says missing of a run whose last evaluation is not of the final weights', () => {
    const losses = Array.from({ length: 675 }, (_, index) => (index < 340 ? 1.8269 : 1.574));
    const evaluations = Array.from({ length: 13 }, (_, index) => ({ step: 500 * (index + 1), eval_loss: 1.577 }));
    const rows = [...lossRows(losses).map(({ step, loss }) => ({ step: step!, loss: loss! })), ...evaluations];
    const input = judged(
      rows.sort((a, b) => a.step - b.step),
      { step: 6750, warmup: 675, objective: 'sft' },
    );
    expect(['G1', 'G2', 'G3', 'G4'].map((id) => verdictOf(id, input).verdict)).toEqual([
      'pass',
      'pass',
      'missing',
      'missing',
    ]);
    expect(verdictOf('G2', input).explanation).toContain(
      'of the last 61 rows is 1.574, of the first 61 1.827 (ratio 0.8616)',
    );
  });

  // A published translator: 866 loss rows with grad_norm from 0.612 on (above 10 at the start), no evaluation at all. w = 87;
  // medians 0.5942 and 0.115, ratio 0.1935.
  it('says missing of a run that was never evaluated', () => {
    const losses = Array.from({ length: 866 }, (_, index) => (index < 433 ? 0.5942 : 0.115));
    const input = judged(lossRows(losses), { step: 8660, warmup: 0, objective: 'sft' });
    expect(['G1', 'G2', 'G3', 'G4'].map((id) => verdictOf(id, input).verdict)).toEqual([
      'pass',
      'pass',
      'missing',
      'missing',
    ]);
    expect(verdictOf('G2', input).explanation).toContain(
      'of the last 87 rows is 0.115, of the first 87 0.5942 (ratio 0.1935)',
    );
  });
});
