import { fileURLToPath } from 'node:url';
import { validateEvent, type SubmittedEvent } from '@runseal/contracts';
import { sha256 } from '@runseal/chain/node';
import { auditGaps, evaluationSetOf, evolveRun, newRunFacts, weightsBehind, type RunEvent } from '@runseal/rules';
import { buildEvents, importedRunId } from './build-events.js';
import { readRun } from './read-run.js';
import { reportOn } from './report.js';
import { losses, makeFolder, stateOf, weights } from './run-folder.fixture.js';

const demo = (name: string) => fileURLToPath(new URL(`../../demo/${name}`, import.meta.url));
const principal = 'p_k3f7qa7xw2mzt5hbdc4rnv6yse';

function readDemo(name: string) {
  const folder = demo(name);
  return readRun({ folder, dataset: `${folder}/train.json`, facts: `${folder}/facts.yaml`, experiment: 'demo' });
}

const payloadsOf = (events: readonly SubmittedEvent[], type: string) =>
  events.filter((event) => event.type === type).map(({ payload }) => payload as Record<string, unknown>);

/** What whoever reads the sealed records knows of the run. */
function factsOf(events: readonly SubmittedEvent[]) {
  return events.reduce((facts, event, seq) => {
    const record = { ...event, seq, hash: '0'.repeat(64), actor: principal, sealed_at: '2026-11-24T15:00:00.000Z' };
    return evolveRun(facts, record as RunEvent);
  }, newRunFacts());
}

describe.each(['healthy-lora', 'overfit-full'])('the demo run %s', (name) => {
  it('lacks nothing that an audit asks for', async () => {
    expect(reportOn(await readDemo(name)).missing).toEqual([]);
  });

  it('has no gap in its audit record, no fault, and its final weights and evaluation set are known', async () => {
    const events = buildEvents(await readDemo(name), '019bf9da-6cbb-7acb-a255-12100f80b56f');
    const registered = new Set(events.map(({ stream }) => stream));
    const facts = factsOf(events);
    expect(auditGaps(facts, (digest) => registered.has(`artifact/${digest}`))).toEqual([]);
    expect(facts).toMatchObject({ state: 'finished', faults: [], left_out: {} });
    expect(weightsBehind(facts)?.step).toBe(name === 'healthy-lora' ? 339 : 320);
    expect(evaluationSetOf(facts, sha256)).toMatchObject({
      kind: 'fixed',
      digest: expect.stringMatching(/^sha256:/) as string,
    });
  });

  it('makes events that the door takes, the same each time, the end last', async () => {
    const material = await readDemo(name);
    const run = importedRunId(material, principal);
    const events = buildEvents(material, run);
    expect(events.map((event) => validateEvent(event)).filter((refusal) => refusal !== null)).toEqual([]);
    expect(buildEvents(await readDemo(name), importedRunId(await readDemo(name), principal))).toEqual(events);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', producer: null });
    expect(events.at(-1)?.occurred_at).toMatch(/^2026-11-24T14:4/);
  });

  it('registers every digest that it names', async () => {
    const events = buildEvents(await readDemo(name), '019bf9da-6cbb-7acb-a255-12100f80b56f');
    const registered = new Set(events.map(({ stream }) => stream).filter((stream) => stream.startsWith('artifact/')));
    const named = JSON.stringify(events.filter(({ type }) => /input|output|checkpoint/.test(type))).match(
      /sha256:[0-9a-f]{64}/g,
    );
    expect(named?.length).toBeGreaterThan(10);
    expect((named ?? []).filter((digest) => !registered.has(`artifact/${digest}`))).toEqual([]);
  });
});

test('both demo runs name the same model and the same evaluation set, which is what makes them comparable', async () => {
  const seen = await Promise.all(
    ['healthy-lora', 'overfit-full'].map(async (name) => {
      const events = buildEvents(await readDemo(name), '019bf9da-6cbb-7acb-a255-12100f80b56f');
      const [evaluated] = payloadsOf(events, 'run.evaluated') as { set: { digest: string; kind: string } }[];
      return [payloadsOf(events, 'run.started')[0]?.['target_model'], evaluated?.set.kind, evaluated?.set.digest];
    }),
  );
  expect(seen[0]).toEqual(['tiny-llama-demo', 'fixed', expect.stringMatching(/^sha256:/)]);
  expect(seen[1]).toEqual(seen[0]);
});

test('the evaluation after training is of the best weights, though it carries the last step', async () => {
  const history = [
    ...losses(1, 5),
    { step: 5, eval_loss: 0.8 },
    { step: 5, eval_loss: 0.81 },
    ...losses(6, 10),
    { step: 10, eval_loss: 0.9 },
    { step: 10, eval_loss: 0.9 },
    { step: 10, train_loss: 1 },
    { step: 10, eval_loss: 0.8 },
  ];
  const folder = await makeFolder({
    'trainer_state.json': stateOf(history, 10, { best_global_step: 5 }),
    'train.yaml':
      'stage: sft\noutput_dir: x\nval_size: 0.1\nseed: 42\nload_best_model_at_end: true\ntemplate: default\n',
    'model.safetensors': weights(1),
  });
  const events = buildEvents(await readRun({ folder }), '019bf9da-6cbb-7acb-a255-12100f80b56f');
  const evaluated = payloadsOf(events, 'run.evaluated') as {
    row: object;
    weights: object;
    set: object;
    after_training: boolean;
  }[];
  expect(evaluated.map(({ row, weights: of, after_training }) => ({ row, of, after_training }))).toEqual([
    {
      row: expect.objectContaining({ step: 5, n: 0 }) as object,
      of: expect.objectContaining({ step: 5 }) as object,
      after_training: false,
    },
    {
      row: expect.objectContaining({ step: 10, n: 2 }) as object,
      of: expect.objectContaining({ step: 5 }) as object,
      after_training: true,
    },
  ]);
  // SHA-256 of "runseal.split.v1", a line feed and the canonical JSON of the split.
  expect(evaluated[0]?.set).toMatchObject({
    kind: 'split',
    digest: 'sha256:64b79f4aa7e78b322321e2f4f3aacd544ee32e2555ae16061f71e4c74bad6120',
    split: { training_digest: null, val_size: 0.1, seed: 42, max_samples: null, template: 'default' },
  });
});

test('stated evaluations keep their scale, and all of it is asserted', async () => {
  const folder = await makeFolder({
    'trainer_state.json': stateOf([...losses(1, 3), { step: 3, train_loss: 1 }], 3),
    'facts.yaml':
      'tasks: qa\nevaluations:\n  - task: qa\n    set: {name: squad, samples: 100}\n    evaluator: {name: harness, version: 0.4}\n' +
      '    metrics: [{name: exact_match, value: 84.2, scale: {from: 0, to: 100}, standard_error: 1.5}]\n',
  });
  const events = buildEvents(
    await readRun({ folder, facts: `${folder}/facts.yaml` }),
    '019bf9da-6cbb-7acb-a255-12100f80b56f',
  );
  expect(events.map((event) => validateEvent(event)).filter((refusal) => refusal !== null)).toEqual([]);
  expect(payloadsOf(events, 'run.evaluated')).toEqual([
    expect.objectContaining({
      task: 'qa',
      metrics: [{ name: 'exact_match', value: 84.2, scale: { from: 0, to: 100 }, standard_error: 1.5 }],
      evaluator: { name: 'harness', version: '0.4' },
      asserted: ['/payload'],
    }),
  ]);
  expect(payloadsOf(events, 'run.started')[0]).toMatchObject({ tasks: ['qa'], asserted: ['/payload/tasks'] });
});

test('a dataset that is not the stated one is refused with both digests', async () => {
  const folder = await makeFolder({
    'trainer_state.json': stateOf(losses(1, 3), 3),
    'train.jsonl': '{"instruction": ""}\n',
    'facts.yaml': `dataset:\n  digest: sha256:${'0'.repeat(64)}\n`,
  });
  const material = await readRun({ folder, dataset: `${folder}/train.jsonl`, facts: `${folder}/facts.yaml` });
  expect(() => buildEvents(material, '019bf9da-6cbb-7acb-a255-12100f80b56f')).toThrow(
    /facts\.yaml, line 2, column 3: dataset\.digest is "sha256:0+", the folder says "sha256:[0-9a-f]{64}"/,
  );
});
