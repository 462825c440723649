import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { EnvelopeProducer } from '@runseal/chain';
import type { EventPayload, EventType } from '@runseal/contracts';

export interface SampleEvent {
  readonly type: EventType;
  readonly stream: string;
  readonly payload: object;
  readonly id?: string;
  readonly actor?: string;
  readonly occurred_at?: string | null;
  readonly producer?: EnvelopeProducer | null;
}

const examples = new URL('../../../libs/contracts/examples/', import.meta.url);
const read = new Map<string, SampleEvent>();

/** The published example of a type. */
export function exampleOf(type: EventType): SampleEvent {
  const known = read.get(type);
  if (known) return known;
  const example = JSON.parse(readFileSync(new URL(`${type}.v1.json`, examples), 'utf8')) as SampleEvent;
  read.set(type, example);
  return example;
}

/** A UUID of version 7 with this number. */
export const idOf = (number: number): string => `019bf9da-6cbd-7000-8000-${number.toString(16).padStart(12, '0')}`;
/** The digest of a content with this name. */
export const digestOf = (name: string): string => `sha256:${createHash('sha256').update(name).digest('hex')}`;

/** Builds the events of one run, each as the example of its type but for what is told. */
export class SampleRun {
  readonly run: string;
  readonly attempt: string;
  private ids: number;

  constructor(readonly number: number) {
    this.run = idOf(number * 0x10000);
    this.attempt = idOf(number * 0x10000 + 1);
    this.ids = number * 0x10000 + 1;
  }

  event<Type extends EventType>(
    type: Type,
    payload: Partial<EventPayload<Type>>,
    more: Partial<SampleEvent> = {},
  ): SampleEvent {
    const example = exampleOf(type);
    return {
      type,
      id: idOf((this.ids += 1)),
      stream: `run/${this.run}`,
      occurred_at: example.occurred_at ?? null,
      payload: { ...example.payload, ...payload },
      ...more,
    };
  }

  started(payload: Partial<EventPayload<'run.started'>> = {}): SampleEvent {
    return this.event('run.started', { name: `run ${this.number}`, ...payload });
  }

  begins(payload: Partial<EventPayload<'run.attempt-started'>> = {}, attempt = this.attempt): SampleEvent {
    return this.event('run.attempt-started', payload, { id: attempt });
  }

  logged(rows: readonly SampleRow[], attempt = this.attempt): SampleEvent {
    return this.event('run.metrics-logged', {
      attempt,
      rows: rows.map(({ kind = 'train', step, n = 0, epoch = null, at = null, ...values }) => ({
        ...{ kind, step, n, at, epoch },
        values: values as Record<string, number>,
      })),
    });
  }

  finished(payload: Partial<EventPayload<'run.finished'>> = {}): SampleEvent {
    const { attempt } = this;
    const final_weights = { attempt, step: 100 };
    return this.event('run.finished', { attempt, final_weights, producers: [], best_checkpoint: null, ...payload });
  }

  baseModel(digest: string | null, more: object = {}): SampleEvent {
    const payload = {
      kind: 'base_model',
      source: null,
      revision: null,
      path: null,
      digest,
      license: null,
      asserted: [],
    };
    return { ...this.event('run.input-recorded', {}), payload: { ...payload, ...more } };
  }

  dataset(role: 'train' | 'eval' | 'test' | null, digest: string | null, more: object = {}): SampleEvent {
    const none = { source: null, path: null, license: null, version: null, samples: null, schema: null, asserted: [] };
    const payload = { kind: 'dataset', role, name: null, digest, ...none };
    return { ...this.event('run.input-recorded', {}), payload: { ...payload, ...more } };
  }

  config(digest: string | null, commit: string | null): SampleEvent {
    const git = commit === null ? null : { repository: null, commit, dirty: false };
    const payload = { kind: 'config', path: 'train.yaml', digest, resolved_digest: null, git, asserted: [] };
    return { ...this.event('run.input-recorded', {}), payload };
  }

  output(digest: string | null, files: readonly { path: string; digest: string | null }[] | null = null): SampleEvent {
    return this.event('run.output-recorded', {
      digest,
      files: files && files.map((file) => ({ ...file, size_bytes: 1 })),
    });
  }

  evaluated(weights: string | null, set: string): SampleEvent {
    return this.event('run.evaluated', {
      row: null,
      weights: { attempt: null, step: null, digest: weights },
      set: { kind: 'fixed', name: 'held out', version: null, digest: set, split: null, samples: 10 },
    });
  }

  sampled(samples: readonly Partial<EventPayload<'run.resources-sampled'>['samples'][number]>[]): SampleEvent {
    const none = { cpu_percent: null, ram_used_bytes: null, ram_total_bytes: null, disk_free_bytes: null };
    return this.event('run.resources-sampled', {
      attempt: this.attempt,
      samples: samples.map((sample) => ({
        ...{ at: null, host: null, ...none, process_rss_bytes: null, gpus: [] },
        ...sample,
      })),
    });
  }

  printed(chunk: number, payload: Partial<EventPayload<'run.log-captured'>> = {}): SampleEvent {
    return this.event('run.log-captured', {
      attempt: this.attempt,
      chunk,
      digest: digestOf(`log ${chunk}`),
      ...payload,
    });
  }

  annotated(name: string, value: EventPayload<'run.annotated'>['value'], text: string | null = null): SampleEvent {
    return this.event('run.annotated', { attempt: this.attempt, name, text, value });
  }

  /** Somebody has read a content in the course of the run. */
  assessed(digest: string, payload: Partial<EventPayload<'artifact.assessed'>> = {}): SampleEvent {
    return this.event('artifact.assessed', { run: this.run, ...payload }, { stream: `artifact/${digest}` });
  }

  judged(overall: 'passed' | 'warnings' | 'blocked' | 'overridden' = 'passed'): SampleEvent {
    return this.event('run.gates-evaluated', { overall });
  }
}

export type SampleRow = {
  kind?: 'train' | 'eval' | 'summary';
  step: number | null;
  n?: number;
  epoch?: number | null;
  at?: string | null;
} & { [metric: string]: number | string | null | undefined };

/** Events of one version of a model. */
export class SampleModel {
  constructor(
    readonly model: string,
    readonly version: number,
    private ids: number,
  ) {}

  private event<Type extends EventType>(type: Type, payload: Partial<EventPayload<Type>>, actor?: string): SampleEvent {
    return {
      type,
      id: idOf((this.ids += 1)),
      stream: `model/${this.model}`,
      payload: { ...exampleOf(type).payload, version: this.version, ...payload },
      ...(actor === undefined ? {} : { actor }),
    };
  }

  registered(run: string, digest: string | null): SampleEvent {
    return this.event('model.version-registered', { run, artifact: { digest, path: null, type: null } });
  }

  moved(to: EventPayload<'model.stage-changed'>['to'], verdict: string | null = null): SampleEvent {
    return this.event('model.stage-changed', {
      to,
      verdict: verdict === null ? null : { id: verdict, seq: 0, hash: '0'.repeat(64) },
    });
  }

  approved(actor: string): SampleEvent {
    return this.event('model.approval-given', {}, actor);
  }
}
