import { inputFile, JudgingSite, runFolder, type Edit, type Judged, type ToImport } from './real-runs.fixture.js';

// Real trainings, imported by the command line and judged by the services. Every number below was worked out apart from the
// code, from the rows of the folders' trainer_state.json.

let site: JudgingSite;
beforeAll(async () => {
  site = await JudgingSite.start();
}, 90_000);
afterAll(() => site?.close());

let models = 0;
const newModel = (): string => `model-${models++}`;

const TINY_BASE = 'sha256:793167ce4c86be8ee84f2743dd528d4e5e53d9798fd3f56c7e4a5288d970fc4b';
const EVERYTHING = {
  started_at: '2026-11-23T11:00:00Z',
  ended_at: '2026-11-23T11:01:00Z',
  base_model: { source: 'tiny Llama with random weights', digest: TINY_BASE },
  dataset: { version: 'v1', schema: 'alpaca' },
  git: { commit: 'c'.repeat(40), dirty: false },
  resolved_digest: `sha256:${'d'.repeat(64)}`,
  determinism: { cudnn_deterministic: false, cudnn_benchmark: false },
};
const LLAMA_FACTORY = { versions: { python: '3.11.7', llama_factory: '0.9.5' } };
const PYTHON = { versions: { python: '3.11.7' }, seeds: { numpy_seed: 'derived' } };
const PREFERENCE = { dataset: { version: 'v1', schema: 'preference' } };
/** Its folder has no model card that would tell. */
const TORCH = { versions: { python: '3.11.7', torch: '2.13.0' }, seeds: { numpy_seed: 'derived' } };

const TOLD: Readonly<Record<string, { dataset: string; facts: object }>> = {
  'healthy-lora': { dataset: 'synthetic_alpaca.json', facts: LLAMA_FACTORY },
  'overfit-full': { dataset: 'memorise_codes.json', facts: LLAMA_FACTORY },
  'transformers-trainer': { dataset: 'synthetic_alpaca.json', facts: TORCH },
  'trl-dpo': { dataset: 'synthetic_preference.jsonl', facts: { ...PYTHON, ...PREFERENCE } },
  'trl-sft': { dataset: 'synthetic_alpaca.json', facts: PYTHON },
};

/** A folder with everything that its team knows of it; `facts` replaces what is told. */
function told(name: string, folder: string, facts: object = {}): ToImport {
  const { dataset = '', facts: own = {} } = TOLD[name] ?? {};
  const all = { target_model: newModel(), ...EVERYTHING, ...own, ...facts };
  return { folder, config: inputFile(`${name}.yaml`), dataset: inputFile(dataset), facts: all };
}

const judgeTold = (name: string, facts: object = {}): Promise<Judged> => site.judge(told(name, runFolder(name), facts));
const judgeVariant = async (name: string, edit: Edit, facts: object = {}): Promise<Judged> =>
  site.judge(told(name, await site.variant(name, edit), facts));

const BASE_MODEL = ['source', 'revision'].map((name) => `input_artifacts.base_model.${name}`);
const DATASET = ['hash', 'version', 'samples', 'schema'].map((name) => `input_artifacts.dataset.${name}`);
const CONFIG = ['file', 'content_hash', 'resolved_hash', 'git_commit', 'dirty'].map(
  (name) => `input_artifacts.config.${name}`,
);
const TIMES = ['start_time', 'end_time'].map((name) => `training_record.timeline.${name}`);
const SEEDS = ['seed', 'data_seed', 'numpy_seed'].map((name) => `reproducibility.seeds.${name}`);
const versions = (...names: string[]) => names.map((name) => `reproducibility.environment.${name}_version`);
const MACHINE = [
  ...['hardware.gpu_type', 'hardware.gpu_count', 'determinism.cudnn_deterministic', 'determinism.cudnn_benchmark'].map(
    (name) => `reproducibility.${name}`,
  ),
];
const gapsOf = (judged: Judged): string[] =>
  judged
    .gate('G6')
    .inputs.map(({ name }) => name)
    .filter((name) => !name.startsWith('fields'));

interface Known {
  readonly verdicts: readonly string[];
  readonly g2: string;
  readonly g3: string;
}

describe('a run of which everything is told', () => {
  // G1: no value of any row is non-finite; the lowest loss is 0.0101 and the lowest grad_norm 0.130, both of overfit-full.
  // G4: nobody has set a baseline. G5: no task is declared. G6: everything is told.
  it.each<[string, Known]>([
    [
      // 68 loss rows; the warm-up of 10 steps takes those of 1, 5 and 10: n = 65, w = 7. Medians of the rows 15 to 45 and 305 to
      // 335: 4.23605 and 3.08273, ratio 0.72774. Evaluations at 300 and 339: the 7 rows between have the mean 3.150597;
      // 3.264881 / 3.150597 = 1.03627.
      'healthy-lora',
      {
        verdicts: ['pass', 'pass', 'pass', 'missing', 'skipped', 'pass'],
        g2: 'The median loss of the last 7 rows is 3.083, of the first 7 4.236 (ratio 0.7277), the 10 warm-up steps left out; wanted below 4.194.',
        g3: 'eval_loss 3.265 at step 339 is 1.036 times the mean loss 3.151 of 7 rows of the steps in (300, 339]; wanted below 1.2.',
      },
    ],
    [
      // 65 loss rows, warm-up 10: n = 62, w = 7; 0.086055 / 2.137629 = 0.04026. load_best_model_at_end is off, so the weights are
      // those of 320: the 4 rows in (300, 320] have the mean 0.0793895; 4.907521 / 0.0793895 = 61.8157.
      'overfit-full',
      {
        verdicts: ['pass', 'pass', 'fail', 'missing', 'skipped', 'pass'],
        g2: 'The median loss of the last 7 rows is 0.08605, of the first 7 2.138 (ratio 0.04026), the 10 warm-up steps left out; wanted below 2.116.',
        g3: 'eval_loss 4.908 at step 320 is 61.82 times the mean loss 0.07939 of 4 rows of the steps in (300, 320]; wanted below 1.2.',
      },
    ],
    [
      // The final weights are byte for byte those of step 300, though the run went to 342. No warm-up; rows up to 300: n = 61,
      // w = 7; 0.755410 / 3.691498 = 0.20464. The 12 rows in (240, 300] have the mean 0.756193; 0.840125 / 0.756193 = 1.11099.
      'transformers-trainer',
      {
        verdicts: ['pass', 'pass', 'pass', 'missing', 'skipped', 'pass'],
        g2: 'The median loss of the last 7 rows is 0.7554, of the first 7 3.691 (ratio 0.2046); wanted below 3.655.',
        g3: 'eval_loss 0.8401 at step 300 is 1.111 times the mean loss 0.7562 of 12 rows of the steps in (240, 300]; wanted below 1.2.',
      },
    ],
    [
      // Warm-up 10: n = 65, w = 7; 0.128054 / 0.615241 = 0.20814. A preference loss is judged by the difference: the 13 rows in
      // (216, 270] have the mean 0.135925; 0.415989 - 0.135925 = 0.280065 <= 0.3. The ratio, 3.06, would fail it.
      'trl-dpo',
      {
        verdicts: ['pass', 'pass', 'pass', 'missing', 'skipped', 'pass'],
        g2: 'The median loss of the last 7 rows is 0.1281, of the first 7 0.6152 (ratio 0.2081), the 10 warm-up steps left out; wanted below 0.6091.',
        g3: 'eval_loss 0.416 at step 270 less the mean loss 0.1359 of 13 rows of the steps in (216, 270] is 0.2801; wanted at most 0.3 (the objective’s loss can come near 0, where a ratio says nothing).',
      },
    ],
    [
      // No warm-up: n = 57, w = 6; 3.642560 / 5.546507 = 0.65673. The 6 rows in (200, 226] have the mean 3.641291;
      // 3.837267 / 3.641291 = 1.05382.
      'trl-sft',
      {
        verdicts: ['pass', 'pass', 'pass', 'missing', 'skipped', 'pass'],
        g2: 'The median loss of the last 6 rows is 3.643, of the first 6 5.547 (ratio 0.6567); wanted below 5.491.',
        g3: 'eval_loss 3.837 at step 226 is 1.054 times the mean loss 3.641 of 6 rows of the steps in (200, 226]; wanted below 1.2.',
      },
    ],
  ])('%s comes out as worked out by hand', async (name, known) => {
    const judged = await judgeTold(name);
    expect(gapsOf(judged)).toEqual([]);
    expect({ verdicts: judged.verdicts, overall: judged.overall }).toEqual({
      verdicts: known.verdicts,
      overall: 'warnings',
    });
    expect(judged.gate('G2').explanation).toBe(known.g2);
    expect(judged.gate('G3').explanation).toBe(known.g3);
  });
});

describe('a run of which only the folder is there', () => {
  // G1 and G3 as above: they need nothing but rows. A model card names packages, seed and warm-up, and its folder's base model;
  // what no folder tells is missing, and G6 blocks.
  it.each<[string, readonly string[], string, readonly string[]]>([
    // LLaMA-Factory derives numpy's seed from the seed. The card's warm-up counts, so the ratio is the one above.
    [
      'healthy-lora',
      ['pass', 'pass', 'pass', 'missing', 'skipped', 'missing'],
      '(ratio 0.7277), the 10 warm-up steps left out',
      [
        ...BASE_MODEL.slice(1),
        ...DATASET,
        ...CONFIG,
        ...TIMES,
        'reproducibility.seeds.data_seed',
        ...versions('python', 'llama_factory'),
        ...MACHINE,
      ],
    ],
    [
      'overfit-full',
      ['pass', 'pass', 'fail', 'missing', 'skipped', 'missing'],
      '(ratio 0.04026), the 10 warm-up steps left out',
      [
        ...BASE_MODEL.slice(1),
        ...DATASET,
        ...CONFIG,
        ...TIMES,
        'reproducibility.seeds.data_seed',
        ...versions('python', 'llama_factory'),
        ...MACHINE,
      ],
    ],
    // No card at all; config.json names the version of transformers. All weights were trained, so peft is not wanted.
    [
      'transformers-trainer',
      ['pass', 'pass', 'pass', 'missing', 'skipped', 'missing'],
      '(ratio 0.2046); wanted',
      [...BASE_MODEL, ...DATASET, ...CONFIG, ...TIMES, ...SEEDS, ...versions('python', 'torch'), ...MACHINE],
    ],
    // TRL's card says that it is DPO and names no warm-up: all 68 rows count, w = 7; 0.128054 / 0.672253 = 0.19048.
    [
      'trl-dpo',
      ['pass', 'pass', 'pass', 'missing', 'skipped', 'missing'],
      '(ratio 0.1905); wanted',
      [...BASE_MODEL.slice(1), ...DATASET, ...CONFIG, ...TIMES, ...SEEDS, ...versions('python'), ...MACHINE],
    ],
    [
      'trl-sft',
      ['pass', 'pass', 'pass', 'missing', 'skipped', 'missing'],
      '(ratio 0.6567); wanted',
      [...BASE_MODEL.slice(1), ...DATASET, ...CONFIG, ...TIMES, ...SEEDS, ...versions('python'), ...MACHINE],
    ],
  ])('%s is blocked by what nobody told, each named', async (name, verdicts, ratio, gaps) => {
    const judged = await site.judge({ folder: runFolder(name) });
    expect([judged.verdicts, judged.overall]).toEqual([verdicts, 'blocked']);
    expect(judged.gate('G2').explanation).toContain(ratio);
    expect(gapsOf(judged)).toEqual(gaps);
  });
});

/** The rows of a training from this step on come out otherwise. */
const from =
  (step: number, otherwise: object): Edit =>
  (row) =>
    row.loss !== undefined && row.step >= step ? { ...row, ...otherwise } : row;
const at =
  (step: number, otherwise: object): Edit =>
  (row) =>
    row.loss !== undefined && row.step === step ? { ...row, ...otherwise } : row;
const scaledEvaluation =
  (factor: number): Edit =>
  (row) =>
    row.eval_loss === undefined ? row : { ...row, eval_loss: row.eval_loss * factor };

describe('G1', () => {
  // Neither G2's windows (rows 15 to 45 and 305 to 335) nor G3's interval (300, 339] hold step 170: both pass as before.
  it.each<[string, object, string]>([
    ['a NaN in the middle', { loss: NaN, grad_norm: NaN }, 'loss is NaN at step 170'],
    [
      'a loss of exactly 0 beside a NaN',
      { loss: 0, grad_norm: NaN },
      'loss is exactly 0 without a finite grad_norm above 0 at step 170',
    ],
    ['a grad_norm that is infinite', { grad_norm: Infinity }, 'grad_norm is Infinity at step 170'],
  ])('blocks %s', async (_, otherwise, words) => {
    const judged = await judgeVariant('healthy-lora', at(170, otherwise));
    expect(judged.verdicts).toEqual(['fail', 'pass', 'pass', 'missing', 'skipped', 'pass']);
    expect(judged.overall).toBe('blocked');
    expect(judged.gate('G1').explanation).toContain(words);
  });

  it('lets a tiny loss pass that an older trainer rounded to 0, by its gradient', async () => {
    const judged = await judgeVariant('healthy-lora', at(170, { loss: 0, grad_norm: 0.25 }));
    expect([judged.gate('G1').verdict, judged.overall]).toEqual(['pass', 'warnings']);
  });

  // What a poisoned training leaves with the trainer's default filter: a NaN loss is logged as 0.0, and MLflow calls the run
  // finished with the best loss of all. G2 may not take a last window of zeros for convergence; eval_loss at 339 is no number.
  it('blocks a poisoned run that logs 0.0 to its end', async () => {
    const judged = await judgeVariant('healthy-lora', (row) => {
      if (row.step < 170) return row;
      if (row.eval_loss !== undefined) return { ...row, eval_loss: NaN };
      return row.loss === undefined ? row : { ...row, loss: 0, grad_norm: NaN };
    });
    expect(judged.verdicts).toEqual(['fail', 'fail', 'fail', 'missing', 'skipped', 'pass']);
    expect(judged.overall).toBe('blocked');
    expect(judged.gate('G2').explanation).toContain('hold one that stability refuses, at step 305');
    expect(judged.gate('G3').explanation).toBe('eval_loss at step 339 is NaN.');
  });

  // ln(384), the vocabulary's: nothing is NaN. G2's last window holds nothing but refused rows. G3 sees nothing wrong:
  // 5.9506 / 5.9506 = 1.
  it('blocks a dead model, which is worth what guessing is', async () => {
    const loss = Math.log(384);
    const judged = await judgeVariant('healthy-lora', (row) => {
      if (row.step < 100) return row;
      if (row.eval_loss !== undefined) return { ...row, eval_loss: loss };
      return from(100, { loss, grad_norm: 0 })(row);
    });
    expect(judged.verdicts).toEqual(['fail', 'fail', 'pass', 'missing', 'skipped', 'pass']);
    expect(judged.gate('G1').explanation).toContain('grad_norm is exactly 0 in 3 rows in a row or more (a dead model)');
    expect(judged.gate('G2').explanation).toContain('hold one that stability refuses, at step 305');
  });

  it('takes two rows without a gradient for no dead model', async () => {
    const edit: Edit = (row) => (row.step === 170 || row.step === 175 ? { ...row, grad_norm: 0 } : row);
    expect((await judgeVariant('healthy-lora', edit)).gate('G1').verdict).toBe('pass');
  });

  // Without a loss there is no trend and nothing to hold eval_loss against, which is as it was.
  it('blocks a run without one loss', async () => {
    const judged = await judgeVariant('healthy-lora', (row) => (row.loss === undefined ? row : null));
    expect(judged.verdicts).toEqual(['missing', 'missing', 'missing', 'missing', 'skipped', 'pass']);
    expect(judged.overall).toBe('blocked');
  });
});

describe('an initial loss', () => {
  // trl-sft has no warm-up: the first of its 6 first rows is that of step 1.
  it.each<[string, object]>([
    ['infinite', { loss: Infinity, grad_norm: NaN }],
    ['exactly 0', { loss: 0, grad_norm: NaN }],
  ])('that is %s fails stability and shows no convergence', async (_, otherwise) => {
    const judged = await judgeVariant('trl-sft', at(1, otherwise));
    expect(judged.verdicts.slice(0, 3)).toEqual(['fail', 'fail', 'pass']);
    expect(judged.overall).toBe('blocked');
    expect(judged.gate('G2').explanation).toContain('The first 6 rows hold one that stability refuses, at step 1');
  });

  // The first 6 losses are 0, 6.170448, 6.029610, 5.063404, 4.755301, 4.600686: median (4.755301 + 5.063404) / 2 = 4.909353, and
  // 3.642560 / 4.909353 = 0.74196. Nothing is divided by the first one.
  it('of 0 with a gradient is a row among others', async () => {
    const judged = await judgeVariant('trl-sft', at(1, { loss: 0 }));
    expect(judged.verdicts.slice(0, 3)).toEqual(['pass', 'pass', 'pass']);
    expect(judged.gate('G2').explanation).toContain('(ratio 0.742)');
  });

  // healthy-lora's step 1 is warm-up: the trend is what it was, and stability looks at every row.
  it('in the warm-up still fails stability', async () => {
    const judged = await judgeVariant('healthy-lora', at(1, { loss: Infinity }));
    expect(judged.verdicts.slice(0, 3)).toEqual(['fail', 'pass', 'pass']);
    expect(judged.overall).toBe('blocked');
  });
});

describe('a baseline', () => {
  const model = 'with-baseline';
  const facts = { target_model: model };

  beforeAll(async () => {
    const { run_id } = await judgeTold('healthy-lora', facts);
    await site.cli('baseline', 'set', '--model', model, '--run', run_id, '--reason', 'the first that is good enough');
  }, 30_000);

  // The baseline is 3.264881, the limit 3.264881 / 0.95 = 3.436717. G3 is eval_loss / 3.150597. All runs name the same split of
  // the same data, so they are compared.
  it.each<[string, number, readonly string[], string, string]>([
    // 6.529763 > 3.436717; 2.0725 >= 1.2. The document's formula lets it pass.
    [
      'blocks a run twice as bad',
      2,
      ['pass', 'pass', 'fail', 'fail', 'skipped', 'pass'],
      'blocked',
      'eval_loss 6.53 at step 339',
    ],
    // 2.938393 <= 3.436717; 0.9326 < 1.2. The document's formula blocks it.
    [
      'takes a run 10 % better',
      0.9,
      ['pass', 'pass', 'pass', 'pass', 'skipped', 'pass'],
      'passed',
      'eval_loss 2.938 at step 339',
    ],
    // 3.428125 <= 3.436717 < 3.460774; 1.0881 and 1.0985 < 1.2.
    [
      'takes a run 5 % worse',
      1.05,
      ['pass', 'pass', 'pass', 'pass', 'skipped', 'pass'],
      'passed',
      'eval_loss 3.428 at step 339',
    ],
    [
      'blocks a run 6 % worse',
      1.06,
      ['pass', 'pass', 'pass', 'fail', 'skipped', 'pass'],
      'blocked',
      'eval_loss 3.461 at step 339',
    ],
  ])('%s', async (_, factor, verdicts, overall, words) => {
    const judged = await judgeVariant('healthy-lora', scaledEvaluation(factor), facts);
    expect([judged.verdicts, judged.overall]).toEqual([verdicts, overall]);
    expect(judged.gate('G4').explanation).toContain(words);
    expect(judged.gate('G4').explanation).toContain('wanted at most 3.437');
  });

  it('blocks a run that was never evaluated: what is missing is no 0', async () => {
    const edit: Edit = (row) => (row.eval_loss === undefined || 'train_loss' in row ? row : null);
    const never: Edit = (row) => (row.step === Infinity ? null : edit(row));
    const judged = await judgeVariant('healthy-lora', never, facts);
    expect(judged.verdicts).toEqual(['pass', 'pass', 'missing', 'missing', 'skipped', 'pass']);
    expect([judged.overall, judged.gate('G4').severity]).toEqual(['blocked', 'block']);
    // Where nobody has set a baseline nothing is compared, and the same run has two warnings.
    const alone = await judgeVariant('healthy-lora', never);
    expect(alone.verdicts).toEqual(judged.verdicts);
    expect([alone.overall, alone.gate('G4').severity]).toEqual(['warnings', 'warn']);
  });

  // Another share held out is another set: the difference is told and warns, as no one can hold a split fixed.
  it('compares no other part of the data', async () => {
    const variant = told('healthy-lora', runFolder('healthy-lora'), facts);
    const judged = await site.judge({ ...variant, dataset: inputFile('memorise_codes.json') });
    expect(judged.verdicts).toEqual(['pass', 'pass', 'pass', 'missing', 'skipped', 'pass']);
    expect([judged.overall, judged.gate('G4').severity]).toEqual(['warnings', 'warn']);
  });

  it('lets the registry take in what passed and nothing else', async () => {
    const { items } = await site.cli<{ items: { stage: string; overall: string }[] }>('models', model);
    const candidates = items.filter(({ stage }) => stage === 'Candidate').map(({ overall }) => overall);
    expect(candidates).toEqual(['passed', 'passed']);
    expect(items.length).toBeGreaterThan(candidates.length);
    expect(items.filter(({ stage }) => stage !== 'Candidate').map(({ stage }) => stage)).toEqual(
      items.slice(candidates.length).map(() => 'None'),
    );
  });
});

describe('G5', () => {
  const rouge = (one: number, long: number, to: number) => ({
    tasks: ['summarization'],
    evaluations: [
      {
        task: 'summarization',
        metrics: [
          { name: 'rouge-1', value: one, scale: { from: 0, to } },
          { name: 'rouge-l', value: long, scale: { from: 0, to } },
        ],
      },
    ],
  });

  it.each<[string, object, string]>([
    ['passes 41 and 35 of 100, above 0.3 of 1', rouge(41, 35, 100), 'pass'],
    ['fails 41 and 28 of 100', rouge(41, 28, 100), 'fail'],
    ['fails 0.41 and 0.35 of 100: a scale is not guessed', rouge(0.41, 0.35, 100), 'fail'],
    ['misses what was not evaluated', { tasks: ['summarization'] }, 'missing'],
  ])('%s', async (_, facts, verdict) => {
    const judged = await judgeTold('trl-sft', facts);
    expect(judged.verdicts).toEqual(['pass', 'pass', 'pass', 'missing', verdict, 'pass']);
    expect(judged.overall).toBe('warnings');
  });
});

describe('G6', () => {
  it('blocks `revision: main`, which is another model tomorrow', async () => {
    const base_model = { source: 'org/tiny', revision: 'main' };
    const judged = await judgeTold('healthy-lora', { base_model });
    expect(judged.verdicts).toEqual(['pass', 'pass', 'pass', 'missing', 'skipped', 'fail']);
    expect([judged.overall, gapsOf(judged)]).toEqual(['blocked', ['input_artifacts.base_model.revision']]);
    expect(judged.gate('G6').explanation).toContain('found main');
  });

  it('takes a full commit of the base model for its identity', async () => {
    const base_model = { source: 'org/tiny', revision: 'a'.repeat(40) };
    expect((await judgeTold('healthy-lora', { base_model })).gate('G6').verdict).toBe('pass');
  });

  it.each<[string, object, readonly string[]]>([
    ['a short commit', { git: { commit: 'c'.repeat(7), dirty: false } }, ['input_artifacts.config.git_commit']],
    ['an end before the start', { ended_at: '2026-11-23T10:59:59Z' }, ['training_record.timeline.end_time']],
  ])('blocks %s', async (_, facts, gaps) => {
    const judged = await judgeTold('healthy-lora', facts);
    expect([judged.gate('G6').verdict, judged.overall, gapsOf(judged)]).toEqual(['fail', 'blocked', gaps]);
  });

  // The sections are there and hold nothing: of the folder itself are the base model's name, the packages and the seed.
  it('takes no section that is empty for one that is there', async () => {
    const empty = { base_model: {}, dataset: {}, git: null, versions: {}, seeds: {}, hardware: {}, determinism: {} };
    const judged = await site.judge({ folder: runFolder('healthy-lora'), facts: empty });
    expect([judged.gate('G6').verdict, judged.overall]).toEqual(['missing', 'blocked']);
    expect(gapsOf(judged)).toEqual([
      ...BASE_MODEL.slice(1),
      ...DATASET,
      ...CONFIG,
      ...TIMES,
      'reproducibility.seeds.data_seed',
      ...versions('python', 'llama_factory'),
      ...MACHINE,
    ]);
  });
});
