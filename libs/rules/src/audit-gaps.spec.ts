import { auditFields, auditGaps } from './audit-gaps.js';
import { digests, documentEvents, documentEventsBut } from './document-run.fixture.js';
import { evolveRun, newRunFacts } from './evolve-run.js';
import type { RunEvent } from './run-event.js';
import { factsLimits } from './run-facts.js';
import { ATTEMPT, PRODUCER, blankInputs, digestOf, event, idOf } from './run.fixture.js';

const fold = (events: readonly RunEvent[]) => events.reduce(evolveRun, newRunFacts());
const everything = () => true;
const gapsOf = (events: readonly RunEvent[], isRegistered: (digest: string) => boolean = everything) =>
  auditGaps(fold(events), isRegistered).map(({ field, state }) => [field, state]);
const inputs = (seq: number, payload: object) => event(seq, 'run.input-recorded', payload as never);

it('finds no gap in the document’s run once its commit and revision are full ones', () => {
  expect(gapsOf(documentEvents)).toEqual([]);
});

it('wants every field of G6 of a run that tells none, and says of each what to do', () => {
  const gaps = auditGaps(fold([event(0, 'run.started')]), everything);
  const place = (prefix: string, ...names: string[]) => names.map((name) => `${prefix}.${name}`);
  // GATES.md's list in its order. The experiment and the run's id are told; counters, other digests and limits are complete.
  expect(gaps.map(({ field }) => field)).toEqual([
    ...place('input_artifacts.base_model', 'source', 'revision'),
    ...place('input_artifacts.dataset', 'hash', 'version', 'samples', 'schema'),
    ...place('input_artifacts.config', 'file', 'content_hash', 'resolved_hash', 'git_commit', 'dirty'),
    ...place('training_record', 'timeline.start_time', 'timeline.end_time'),
    ...place('training_record', 'progress.total_steps', 'progress.completed_steps'),
    ...place('output_artifacts', 'adapter.files', 'training_args.hash'),
    ...place('reproducibility.seeds', 'seed', 'data_seed', 'numpy_seed'),
    ...place('reproducibility.environment', 'python_version', 'torch_version', 'transformers_version'),
    ...place('reproducibility.environment', 'peft_version', 'llama_factory_version'),
    ...place('reproducibility.hardware', 'gpu_type', 'gpu_count'),
    ...place('reproducibility.determinism', 'cudnn_deterministic', 'cudnn_benchmark'),
  ]);
  for (const { state, wanted, remedy } of gaps) {
    expect(state).toBe('missing');
    expect(wanted.length).toBeGreaterThan(5);
    expect(remedy?.length).toBeGreaterThan(5);
  }
});

it.each([
  // The document's own `main` and its short commit.
  ['input_artifacts.base_model.revision', 12, { digest: null, revision: 'main' }, 'malformed'],
  ['input_artifacts.base_model.revision', 12, { digest: null, revision: 'F'.repeat(40) }, 'malformed'],
  ['input_artifacts.base_model.revision', 12, { digest: null, revision: null }, 'missing'],
  ['input_artifacts.base_model.source', 12, { source: null }, 'missing'],
  ['input_artifacts.base_model.source', 12, { source: '  ' }, 'missing'],
  ['input_artifacts.dataset.hash', 13, { digest: null }, 'missing'],
  ['input_artifacts.dataset.samples', 13, { samples: null }, 'missing'],
  [
    'input_artifacts.config.git_commit',
    14,
    { git: { repository: null, commit: '7890abc', dirty: false } },
    'malformed',
  ],
  ['input_artifacts.config.dirty', 14, { git: { repository: null, commit: 'a'.repeat(40), dirty: null } }, 'missing'],
  ['input_artifacts.config.resolved_hash', 14, { resolved_digest: null }, 'missing'],
  ['output_artifacts.training_args.hash', 31, { digest: null }, 'missing'],
  ['training_record.progress.completed_steps', 40, { completed_steps: null }, 'missing'],
  ['reproducibility.seeds.numpy_seed', 15, { seeds: { seed: 1, data_seed: 1, numpy_seed: null } }, 'missing'],
] as const)('%s is a gap where record %i says %j', (field, seq, payload, state) => {
  const gaps = gapsOf(documentEventsBut(seq, payload));
  expect(gaps).toContainEqual([field, state]);
  // An output without a hash is also a gap among the outputs; all else is one gap only.
  expect(gaps.filter(([name]) => name !== 'output_artifacts.adapter.files')).toHaveLength(1);
});

it('takes a full commit as the base model’s identity where its weights were not hashed', () => {
  expect(gapsOf(documentEventsBut(12, { digest: null }))).toEqual([]);
});

it('takes a derived numpy seed, and a seed of 0, for seeds', () => {
  const seeds = { seed: 0, data_seed: 0, numpy_seed: 'derived' };
  expect(gapsOf(documentEventsBut(15, { seeds }))).toEqual([]);
});

it('takes a dirty working tree for a told one', () => {
  expect(gapsOf(documentEventsBut(14, { git: { repository: null, commit: 'a'.repeat(40), dirty: true } }))).toEqual([]);
});

it.each([
  ['base', 'input_artifacts.base_model.revision'],
  ['dataset', 'input_artifacts.dataset.hash'],
  ['config', 'input_artifacts.config.content_hash'],
  ['adapter', 'output_artifacts.adapter.files'],
  ['args', 'output_artifacts.training_args.hash'],
] as const)('wants the digest of %s to be a registered artifact', (name, field) => {
  const gaps = gapsOf(documentEvents, (digest) => digest !== digests[name]);
  expect(gaps).toContainEqual([field, 'unregistered']);
});

it('wants the digests of whatever else went in or was saved to be registered', () => {
  const other = { kind: 'other', role: 'reference_model', name: null, source: null, path: null, asserted: [] };
  const events = [...documentEvents, inputs(50, { ...other, digest: digestOf('9') })];
  expect(gapsOf(events, (digest) => digest !== digestOf('9'))).toEqual([['digests', 'unregistered']]);
});

it('wants every file of every output hashed, unless the folder’s manifest names them', () => {
  const files = [{ path: 'a.bin', digest: null, size_bytes: 1 }];
  expect(gapsOf(documentEventsBut(30, { files }))).toEqual([['output_artifacts.adapter.files', 'incomplete']]);
  expect(gapsOf(documentEventsBut(30, { files: null }))).toEqual([]);
  expect(gapsOf(documentEventsBut(30, { files: null, digest: null }))).toEqual([
    ['output_artifacts.adapter.files', 'incomplete'],
  ]);
  expect(gapsOf(documentEventsBut(30))).toContainEqual(['output_artifacts.adapter.files', 'missing']);
});

it('names the one of several training sets that is not documented', () => {
  const second = { kind: 'dataset', ...blankInputs.dataset, name: 'extra', version: '1', samples: 5, schema: 'alpaca' };
  const [gap] = auditGaps(fold([...documentEvents, inputs(50, second)]), everything);
  expect(gap).toMatchObject({ field: 'input_artifacts.dataset.hash', state: 'missing', found: 'extra: nothing' });
});

it('does not take data without a role for the training data', () => {
  expect(gapsOf(documentEventsBut(13, { role: null })).map(([field]) => field)).toEqual(
    ['hash', 'version', 'samples', 'schema'].map((name) => `input_artifacts.dataset.${name}`),
  );
});

describe('versions of what was used', () => {
  const without = (name: string) => {
    const versions: Record<string, string> = {
      python: '3',
      torch: '2',
      transformers: '4',
      peft: '1',
      llama_factory: '0',
    };
    delete versions[name];
    return { versions };
  };
  const peft = (type: string | null, parameters: Record<string, string> = { x: 'y' }) =>
    gapsOf([
      ...documentEventsBut(15, without('peft')).map((known) =>
        known.seq === 30 ? ({ ...known, payload: { ...known.payload, type } } as RunEvent) : known,
      ),
      event(50, 'run.parameters-recorded', { parameters }),
    ]);
  const missing = [['reproducibility.environment.peft_version', 'missing']];

  it('wants peft’s only where an adapter was trained, and where nobody tells', () => {
    expect(peft('lora')).toEqual(missing);
    expect(peft('full')).toEqual([]);
    expect(peft(null)).toEqual(missing);
    expect(peft('merged')).toEqual(missing);
    expect(peft('merged', { finetuning_type: 'lora' })).toEqual(missing);
    expect(peft('merged', { finetuning_type: 'full' })).toEqual([]);
    expect(peft('full', { finetuning_type: 'lora' })).toEqual(missing);
  });

  it('wants llama_factory’s only where it trained, and where nobody tells', () => {
    const gaps = (trainer: object | null) =>
      gapsOf(
        documentEventsBut(15, without('llama_factory')).map((known) =>
          known.seq === 10 ? ({ ...known, payload: { ...known.payload, trainer } } as RunEvent) : known,
        ),
      );
    const gap = [['reproducibility.environment.llama_factory_version', 'missing']];
    expect(gaps({ name: 'llama_factory', version: null })).toEqual(gap);
    expect(gaps({ name: 'transformers', version: null })).toEqual([]);
    expect(gaps(null)).toEqual(gap);
  });
});

it.each([
  ['cpu', null, []],
  ['cpu', 0, []],
  ['cpu', 2, [['reproducibility.hardware.gpu_count', 'malformed']]],
  ['NVIDIA A100', 0, [['reproducibility.hardware.gpu_count', 'malformed']]],
  ['NVIDIA A100', null, [['reproducibility.hardware.gpu_count', 'missing']]],
  [null, 1, [['reproducibility.hardware.gpu_type', 'missing']]],
])('GPU %s, %s of them', (gpu_type, gpu_count, gaps) => {
  const hardware = { gpu_type, gpu_count, cuda_version: null, driver_version: null, hosts: null };
  expect(gapsOf(documentEventsBut(15, { hardware }))).toEqual(gaps);
});

it('does not take an end before the start', () => {
  const early = documentEvents.map(
    (known) => (known.seq === 40 ? { ...known, occurred_at: '2025-01-26T10:29:59Z' } : known) as RunEvent,
  );
  expect(gapsOf(early)).toEqual([['training_record.timeline.end_time', 'malformed']]);
});

describe('producers', () => {
  const producersOf = (...more: RunEvent[]) => gapsOf([...documentEvents, ...more]);

  it('are incomplete while a counted event has not come, and complete once it has', () => {
    const ended = documentEventsBut(40, { producers: [{ id: PRODUCER, count: 3 }] });
    expect(auditGaps(fold(ended), everything)).toMatchObject([
      { field: 'producers', state: 'incomplete', found: expect.stringContaining('2 of 3 events'), seq: 40 },
    ]);
    const late = [1, 2].map((seq) => event(50 + seq, 'run.evaluated', {}, { producer: { id: PRODUCER, seq } }));
    expect(gapsOf([...ended, ...late])).toEqual([]);
  });

  it('are incomplete where the client declares a loss', () => {
    const refused = [{ class: 'metrics' as const, count: 7, first_at: null, last_at: null }];
    expect(producersOf(event(50, 'run.events-dropped', { not_accepted: refused }))).toEqual([
      ['producers', 'incomplete'],
    ]);
    const aside = [{ id: idOf(1), type: 'run.log-captured', code: 'too_large', producer: null }];
    expect(producersOf(event(50, 'run.events-dropped', { set_aside: aside }))).toEqual([['producers', 'incomplete']]);
  });

  it('are incomplete where one that no ending counts has a gap', () => {
    const uncounted = (seq: number, counter: number) =>
      event(seq, 'run.evaluated', {}, { producer: { id: ATTEMPT, seq: counter } });
    expect(producersOf(uncounted(50, 0))).toEqual([]);
    expect(producersOf(uncounted(50, 0), uncounted(51, 2))).toEqual([['producers', 'incomplete']]);
  });

  it('do not judge a run whose endings name none', () => {
    expect(gapsOf(documentEventsBut(40, { producers: [] }))).toEqual([]);
  });
});

it('does not vouch for what was left out', () => {
  const many = Array.from({ length: factsLimits.inputs }, (_, index) =>
    inputs(100 + index, {
      kind: 'other',
      role: `r${index}`,
      name: null,
      source: null,
      path: null,
      digest: null,
      asserted: [],
    }),
  );
  expect(gapsOf([...documentEvents, ...many])).toEqual([['limits', 'incomplete']]);
});

it('lists the fields that are present too, each with its record', () => {
  const fields = auditFields(fold(documentEvents), everything);
  expect(fields.every(({ state, remedy }) => state === 'present' && remedy === null)).toBe(true);
  expect(fields.find(({ field }) => field.endsWith('git_commit'))?.seq).toBe(14);
  expect(new Set(fields.map(({ field }) => field)).size).toBe(fields.length);
});
