import { auditRecord } from './audit-record.js';
import { COMMIT, digests, documentEvents, documentEventsBut } from './document-run.fixture.js';
import { evolveRun, newRunFacts } from './evolve-run.js';
import type { RunEvent } from './run-event.js';
import { addRows, newRunRows } from './run-rows.js';
import { ATTEMPT, RESUMED, RUN, digestOf, event, row } from './run.fixture.js';

const recordOf = (events: readonly RunEvent[]) => {
  const facts = events.reduce(evolveRun, newRunFacts());
  const rows = events.reduce(
    (sum, { seq, type, payload }) =>
      type === 'run.metrics-logged' && payload
        ? addRows(sum, { seq, ...(payload as never as { attempt: string; rows: [] }) })
        : sum,
    newRunRows(),
  );
  return auditRecord(facts, rows, facts.verdict);
};
const leavesOf = (node: unknown, pointer = ''): [string, unknown][] =>
  node !== null && typeof node === 'object'
    ? Object.entries(node).flatMap(([name, member]) => leavesOf(member, `${pointer}/${name}`))
    : [[pointer, node]];

it('is the document’s record, field by field, with the project’s additions beside its members', () => {
  const { record } = recordOf(documentEvents);
  const { dataset } = record.input_artifacts;
  // The document's YAML, with full digests and a full commit in place of its shortened ones.
  expect(record).toEqual({
    input_artifacts: {
      base_model: {
        path: '/storage/models/llama-3-8b',
        source: 'meta-llama/Meta-Llama-3-8B',
        revision: 'f'.repeat(40),
        hash: digests.base,
        license: null,
      },
      dataset: {
        path: '/storage/data/train_v2.1.0',
        version: 'v2.1.0',
        hash: digests.dataset,
        samples: 9000,
        schema: 'alpaca',
        ...{ role: 'train', name: null, source: null, license: null },
      },
      config: {
        file: 'train.yaml',
        git_commit: COMMIT,
        content_hash: digests.config,
        ...{ resolved_hash: digests.resolved, dirty: false, repository: null },
      },
      datasets: [dataset],
      other: [],
    },
    training_record: {
      experiment_id: 'exp-20250126-001',
      run_id: RUN,
      timeline: {
        start_time: '2025-01-26T10:30:00Z',
        end_time: '2025-01-26T13:45:00Z',
        // 3 h 15 min = 3 x 3600 + 15 x 60
        duration_seconds: 11700,
        active_seconds: 11650.5,
      },
      progress: { total_steps: 3000, completed_steps: 3000, epochs_completed: 3 },
      checkpoints: [
        {
          step: 1000,
          path: '/storage/output/checkpoint-1000',
          eval_loss: 0.45,
          hash: null,
          attempt: ATTEMPT,
          deleted: null,
        },
        {
          step: 2000,
          path: '/storage/output/checkpoint-2000',
          eval_loss: 0.38,
          hash: null,
          attempt: ATTEMPT,
          deleted: null,
        },
        {
          step: 3000,
          path: '/storage/output/checkpoint-3000',
          eval_loss: 0.35,
          hash: null,
          attempt: ATTEMPT,
          deleted: null,
        },
      ],
      metrics_summary: {
        ...{ initial_loss: 2.1, final_loss: 0.35, best_eval_loss: 0.35 },
        ...{ best_checkpoint: 'checkpoint-3000', best_checkpoint_step: 3000 },
      },
      state: 'finished',
      attempts: 1,
    },
    output_artifacts: {
      adapter: {
        path: '/storage/output/lora-adapter',
        type: 'lora',
        files: [
          { name: 'adapter_model.safetensors', hash: digests.model },
          { name: 'adapter_config.json', hash: digests.adapterConfig },
        ],
        hash: digests.adapter,
      },
      training_args: { path: '/storage/output/lora-adapter/training_args.json', hash: digests.args },
      metrics: { final_train_loss: 0.35, final_eval_loss: 0.35, quality_gate_status: 'passed' },
      other: [],
    },
    reproducibility: {
      seeds: { seed: 42, data_seed: 42, numpy_seed: 42 },
      environment: {
        python_version: '3.10.14',
        torch_version: '2.1.2+cu118',
        transformers_version: '4.36.2',
        peft_version: '0.7.1',
        llama_factory_version: '0.9.3',
        ...{ platform: null, image_hash: null, lock_hash: null },
      },
      hardware: {
        ...{ gpu_type: 'NVIDIA A100', gpu_count: 1, cuda_version: '11.8' },
        ...{ driver_version: null, hosts: null },
      },
      determinism: { cudnn_deterministic: true, cudnn_benchmark: false, deterministic_algorithms: null },
    },
  });
});

it('says for each leaf which record it comes from, and for none that is null', () => {
  const { record, evidence, asserted } = recordOf(documentEvents);
  expect(evidence).toMatchObject({
    '/input_artifacts/base_model/hash': 12,
    '/input_artifacts/dataset/samples': 13,
    '/input_artifacts/config/git_commit': 14,
    '/training_record/experiment_id': 10,
    '/training_record/run_id': 10,
    '/training_record/timeline/duration_seconds': 40,
    '/training_record/checkpoints/1/path': 24,
    '/training_record/checkpoints/1/eval_loss': 23,
    '/training_record/metrics_summary/initial_loss': 20,
    '/training_record/metrics_summary/final_loss': 25,
    '/training_record/metrics_summary/best_checkpoint': 40,
    '/output_artifacts/adapter/files/1/hash': 30,
    '/output_artifacts/metrics/quality_gate_status': 41,
    '/reproducibility/environment/llama_factory_version': 15,
  });
  const told = leavesOf(record).filter(([, value]) => value !== null);
  expect(Object.keys(evidence).sort()).toEqual(told.map(([pointer]) => pointer).sort());
  expect(asserted).toEqual(['/input_artifacts/base_model/revision']);
});

it('has every member of a run of which nothing is known, as null', () => {
  const { record, evidence } = recordOf([event(5, 'run.started')]);
  const names = (value: unknown) => new Set(leavesOf(value).map(([pointer]) => pointer));
  const empty = names(record);
  for (const pointer of names(recordOf(documentEvents).record)) {
    if (!/\/(files|checkpoints|datasets)\//.test(pointer)) expect(empty).toContain(pointer);
  }
  expect(record.output_artifacts.adapter).toEqual({ path: null, type: null, files: null, hash: null });
  expect(Object.keys(evidence)).toEqual([
    '/training_record/experiment_id',
    '/training_record/run_id',
    '/training_record/state',
    '/training_record/attempts',
  ]);
});

it('does not take the time of sealing for a time that the source does not tell', () => {
  const untold = documentEvents.map(
    (known) => (known.seq === 40 ? { ...known, occurred_at: null } : known) as RunEvent,
  );
  expect(recordOf(untold).record.training_record.timeline).toMatchObject({ end_time: null, duration_seconds: null });
});

it('gives the metrics of the step that the final weights come from, not of the last one', () => {
  const { record } = recordOf(documentEventsBut(40, { final_weights: { attempt: ATTEMPT, step: 2000 } }));
  expect(record.output_artifacts.metrics).toMatchObject({ final_train_loss: 0.35, final_eval_loss: 0.38 });
});

it('leaves the final evaluation out where none was made at that step', () => {
  const { record } = recordOf(documentEventsBut(40, { final_weights: { attempt: ATTEMPT, step: 2500 } }));
  expect(record.output_artifacts.metrics.final_eval_loss).toBeNull();
});

it('finds the evaluation after training through what run.evaluated says of it', () => {
  const after = event(35, 'run.evaluated', {
    row: { attempt: ATTEMPT, kind: 'eval', step: 3000, n: 0 },
    weights: { attempt: ATTEMPT, step: 2500, digest: null },
  });
  const events = [...documentEventsBut(40, { final_weights: { attempt: ATTEMPT, step: 2500 } }), after];
  events.sort((left, right) => left.seq - right.seq);
  expect(recordOf(events).record.output_artifacts.metrics.final_eval_loss).toBe(0.35);
});

it('counts of an attempt only the evaluations before the next one went on', () => {
  const rows = (seq: number, attempt: string, step: number, loss: number) =>
    event(seq, 'run.metrics-logged', {
      attempt,
      rows: [row('train', step, { loss }), row('eval', step, { eval_loss: loss })],
    });
  const { record } = recordOf([
    ...[event(0, 'run.started'), event(1, 'run.attempt-started', {}, { id: ATTEMPT })],
    ...[rows(2, ATTEMPT, 100, 3), rows(3, ATTEMPT, 200, 0.1)],
    event(4, 'run.attempt-started', { resumes: { attempt: ATTEMPT, step: 100 } }, { id: RESUMED }),
    rows(5, RESUMED, 200, 2),
    event(6, 'run.finished', { attempt: RESUMED, final_weights: { attempt: RESUMED, step: 200 } }),
  ]);
  expect(record.training_record.metrics_summary).toMatchObject({ initial_loss: 3, final_loss: 2, best_eval_loss: 2 });
});

it('keeps a loss that is no number as what it is', () => {
  const broken = documentEventsBut(25, {
    rows: [row('train', 3000, { loss: 'NaN' }), row('eval', 3000, { eval_loss: 'NaN' })],
  });
  const { record } = recordOf(broken);
  expect(record.training_record.metrics_summary).toMatchObject({ final_loss: 'NaN', best_eval_loss: 0.38 });
  expect(record.output_artifacts.metrics.final_eval_loss).toBe('NaN');
});

it('takes llama_factory’s version from the trainer where the environment does not name it, and not another trainer’s', () => {
  const environment = (name: string) =>
    recordOf([event(0, 'run.started', { trainer: { name, version: '0.9.3' } })]).record.reproducibility.environment;
  expect(environment('llama_factory').llama_factory_version).toBe('0.9.3');
  expect(environment('axolotl').llama_factory_version).toBeNull();
});

it('lists several data sets, and puts the first that was trained on in the document’s place', () => {
  const dataset = (seq: number, role: string | null, name: string) =>
    event(seq, 'run.input-recorded', {
      ...{ kind: 'dataset', role, name, version: null, source: null, path: null, digest: digestOf('b') },
      ...{ samples: null, schema: null, license: null, asserted: [] },
    } as never);
  const { record } = recordOf([dataset(1, 'eval', 'e'), dataset(2, null, 'n'), dataset(3, 'train', 't')]);
  expect(record.input_artifacts.dataset.name).toBe('t');
  expect(record.input_artifacts.datasets.map(({ name }) => name)).toEqual(['e', 'n', 't']);
});
