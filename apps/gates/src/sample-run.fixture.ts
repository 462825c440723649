// A run with every fact that G6 asks for, as the events that tell of it, and ways to change it.
import { createHash, randomUUID } from 'node:crypto';
import type { EnvelopeProducer } from '@runseal/chain';
import type { EventPayload, EventType } from '@runseal/contracts';
import { v7 as uuidv7 } from 'uuid';

export interface Told<Type extends EventType = EventType> {
  readonly type: Type;
  readonly stream: string;
  readonly payload: EventPayload<Type>;
  readonly id?: string;
  readonly occurred_at?: string | null;
  readonly producer?: EnvelopeProducer | null;
}

export type SampleRow = {
  readonly step: number | null;
  readonly kind?: 'train' | 'eval' | 'summary';
  readonly n?: number;
} & { readonly [metric: string]: number | string | null | undefined };

/** The digest of a content with this name. */
export const digestOf = (name: string): string => `sha256:${createHash('sha256').update(name).digest('hex')}`;
/** A name that no other test uses. */
export const newModel = (): string => `model-${randomUUID().slice(0, 8)}`;

const none = { asserted: [] as string[] };
const COMMIT = '7890abc'.padEnd(40, '0');
const MATERIAL = ['base', 'data', 'config', 'args', 'weights', 'resolved', 'held out'] as const;

/** Losses 2 down to 1.1 at the steps 10 to 100, an evaluation at 100. */
export const SOUND_ROWS: readonly SampleRow[] = [
  ...Array.from({ length: 10 }, (_, index) => ({ step: 10 * (index + 1), loss: (20 - index) / 10, grad_norm: 1 })),
  { step: 100, kind: 'eval', eval_loss: 1.25, eval_accuracy: 0.8 },
];

export class SampleRun {
  readonly run = uuidv7();
  readonly attempt = uuidv7();
  readonly stream = `run/${this.run}`;

  constructor(readonly model: string = newModel()) {}

  told<Type extends EventType>(type: Type, payload: EventPayload<Type>, more: Partial<Told> = {}): Told {
    return { type, stream: this.stream, payload, ...more } as Told;
  }

  started(payload: Partial<EventPayload<'run.started'>> = {}): Told {
    const whole = { ...start, target_model: this.model, ...none, ...payload };
    return this.told('run.started', whole, { occurred_at: '2026-01-26T10:30:00Z' });
  }

  begins(attempt = this.attempt, resumes: EventPayload<'run.attempt-started'>['resumes'] = null): Told {
    const payload = { resumes, total_steps: 100, total_epochs: 3, processes: 1, ...none };
    return this.told('run.attempt-started', payload, { id: attempt });
  }

  parameters(parameters: EventPayload<'run.parameters-recorded'>['parameters']): Told {
    return this.told('run.parameters-recorded', { attempt: this.attempt, parameters, ...none });
  }

  logged(rows: readonly SampleRow[], attempt = this.attempt): Told {
    return this.told('run.metrics-logged', {
      attempt,
      rows: rows.map(({ step, kind = 'train', n = 0, ...values }) => ({
        ...{ kind, step, n, at: null, epoch: null },
        values: values as Record<string, number>,
      })),
    });
  }

  baseModel(change: { revision?: string | null; digest?: string | null } = {}): Told {
    return this.told('run.input-recorded', {
      ...{ kind: 'base_model', source: 'meta-llama/Meta-Llama-3-8B', revision: 'f'.repeat(40), path: null },
      ...{ digest: digestOf('base'), license: null, ...none, ...change },
    });
  }

  material(): Told[] {
    const output = { size_bytes: 1, files: null, tensors_finite: true, ...none };
    const dataset = { kind: 'dataset', source: null, path: null, license: null, ...none } as const;
    return [
      this.baseModel(),
      this.told('run.input-recorded', {
        ...{ ...dataset, role: 'train', name: 'support', version: 'v2.1.0' },
        ...{ digest: digestOf('data'), samples: 9_000, schema: 'alpaca' },
      }),
      this.evaluationSet('held out'),
      this.told('run.input-recorded', {
        ...{ kind: 'config', path: 'train.yaml', digest: digestOf('config'), resolved_digest: digestOf('resolved') },
        ...{ git: { repository: null, commit: COMMIT, dirty: false }, ...none },
      }),
      this.told('run.environment-recorded', { attempt: this.attempt, ...environment, ...none }),
      this.told('run.output-recorded', {
        ...{ role: 'weights', type: 'lora', path: 'out', digest: digestOf('weights'), ...output },
      }),
      this.told('run.output-recorded', {
        ...{
          role: 'training_args',
          type: null,
          path: 'args',
          digest: digestOf('args'),
          ...output,
          tensors_finite: null,
        },
      }),
    ];
  }

  evaluationSet(name: string): Told {
    return this.told('run.input-recorded', {
      ...{ kind: 'dataset', role: 'eval', name: 'held out', version: null, source: null, path: null },
      ...{ digest: digestOf(name), samples: 900, schema: 'alpaca', license: null, ...none },
    });
  }

  evaluated(
    metrics: EventPayload<'run.evaluated'>['metrics'],
    more: Partial<EventPayload<'run.evaluated'>> = {},
  ): Told {
    const set = {
      kind: 'fixed',
      name: 'mmlu',
      version: null,
      digest: digestOf('held out'),
      split: null,
      samples: 10,
    } as const;
    return this.told('run.evaluated', {
      ...{ row: null, weights: { attempt: this.attempt, step: 100, digest: null }, set, task: null, metrics },
      ...{ evaluator: null, raters: null, after_training: true, ...none, ...more },
    });
  }

  annotated(name: string, producer: EnvelopeProducer | null = null): Told {
    return this.told('run.annotated', { attempt: this.attempt, name, text: null, value: true }, { producer });
  }

  /** A piece of what it printed. */
  printed(): Told {
    const chunk = { attempt: this.attempt, source: 'stderr', chunk: 0, digest: digestOf('log') } as const;
    return this.told('run.log-captured', { ...chunk, size_bytes: 10, lines: 1, masked: 0, location: null });
  }

  finished(change: Partial<EventPayload<'run.finished'>> = {}): Told {
    const { attempt } = this;
    const payload = {
      ...{ attempt, total_steps: 100, completed_steps: 100, epochs_completed: 3, active_seconds: 60 },
      ...{ final_weights: { attempt, step: 100 }, best_checkpoint: null, producers: [], ...none, ...change },
    };
    return this.told('run.finished', payload, { occurred_at: '2026-01-26T13:45:00Z' });
  }

  /** All its events in order, up to its end. */
  whole({
    rows = SOUND_ROWS,
    start: started = {},
  }: { rows?: readonly SampleRow[]; start?: Partial<EventPayload<'run.started'>> } = {}): Told[] {
    return [this.started(started), this.begins(), ...this.material(), this.logged(rows), this.finished()];
  }
}

export function registered(name: string, run: string | null = null): Told {
  const payload = { form: 'file', kind: 'other', name, location: null, size_bytes: 1, files: null, run } as const;
  return { type: 'artifact.registered', stream: `artifact/${digestOf(name)}`, payload: { ...payload, ...none } };
}

/** What somebody says of the tensors of a content after reading them, in the course of a run. */
export function assessed(name: string, run: string | null, tensors_finite: boolean): Told {
  const assessor = { name: 'runseal-py', version: '0.1.0' };
  const payload = { run, assessor, kind: 'weights', profile: null, tensors_finite, ...none } as const;
  return { type: 'artifact.assessed', stream: `artifact/${digestOf(name)}`, payload };
}

/** Everything that a whole run names by a digest. */
export const registrations = (): Told[] => MATERIAL.map((name) => registered(name));

const start = {
  ...{ experiment: 'support', name: 'lora-r16', tasks: null, objective: 'sft', recorded: 'live' as const },
  ...{ trainer: { name: 'llama_factory', version: '0.9.3' }, expected_samples_per_second: null, tags: {} },
};

const environment = {
  seeds: { seed: 42, data_seed: 42, numpy_seed: 42 },
  versions: { python: '3.10.14', torch: '2.1.2', transformers: '4.36.2', peft: '0.7.1', llama_factory: '0.9.3' },
  platform: null,
  hardware: { gpu_type: 'NVIDIA A100', gpu_count: 1, cuda_version: '11.8', driver_version: null, hosts: null },
  determinism: { cudnn_deterministic: true, cudnn_benchmark: false, deterministic_algorithms: null },
  ...{ variables: {}, image_digest: null, lock_digest: null },
};
