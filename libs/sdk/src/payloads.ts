// Callers name the facts that they know; what they leave out is said to be unknown (null) rather than left away, because
// a payload's schema is closed and complete.
import type { EventPayload } from '@runseal/contracts';

type Unknowable<Payload> = {
  [Member in keyof Payload]: null extends Payload[Member] ? Member : never;
}[keyof Payload];
type Collections<Payload> = {
  [Member in keyof Payload]: Payload[Member] extends readonly unknown[] ? Member : never;
}[keyof Payload];
type Optional<Payload> = Unknowable<Payload> | Collections<Payload>;

/** A payload of which everything that may be null, and every list, may be left out. */
export type Given<Payload> = Payload extends unknown
  ? Omit<Payload, Optional<Payload>> & { [Member in Optional<Payload>]?: Payload[Member] | undefined }
  : never;

export type RunFacts = Omit<EventPayload<'run.started'>, 'recorded'>;
export type AttemptFacts = EventPayload<'run.attempt-started'>;
export type Ending = Omit<EventPayload<'run.finished'>, 'producers'>;
export type Evaluation = EventPayload<'run.evaluated'>;
export type Checkpoint = Omit<EventPayload<'run.checkpoint-saved'>, 'attempt'>;
export type Input = EventPayload<'run.input-recorded'>;
export type Output = EventPayload<'run.output-recorded'>;
export type Environment = EventPayload<'run.environment-recorded'>;

export const blankRun: Omit<RunFacts, 'experiment'> = {
  name: null,
  target_model: null,
  tasks: null,
  objective: null,
  trainer: null,
  expected_samples_per_second: null,
  tags: {},
  asserted: [],
};

export const blankAttempt: AttemptFacts = {
  resumes: null,
  total_steps: null,
  total_epochs: null,
  processes: null,
  asserted: [],
};

export const blankEnding: Omit<Ending, 'attempt'> = {
  total_steps: null,
  completed_steps: null,
  epochs_completed: null,
  active_seconds: null,
  final_weights: null,
  best_checkpoint: null,
  asserted: [],
};

export const blankCheckpoint: Omit<Checkpoint, 'step'> = {
  epoch: null,
  path: null,
  digest: null,
  size_bytes: null,
  asserted: [],
};

export const blankOutput: Omit<Output, 'role'> = {
  type: null,
  path: null,
  digest: null,
  size_bytes: null,
  files: null,
  tensors_finite: null,
  asserted: [],
};

const blankContent = { source: null, path: null, digest: null, asserted: [] };
export const blankInput: { [Kind in Input['kind']]: Partial<Extract<Input, { kind: Kind }>> } = {
  base_model: { ...blankContent, revision: null, license: null },
  dataset: { ...blankContent, name: null, version: null, samples: null, schema: null, license: null },
  config: { path: null, digest: null, resolved_digest: null, git: null, asserted: [] },
  other: { ...blankContent, name: null },
};

export const blankEvaluation: Omit<Evaluation, 'set'> = {
  row: null,
  weights: null,
  task: null,
  metrics: [],
  evaluator: null,
  raters: null,
  after_training: null,
  asserted: [],
};

/** What an evaluation was made on; the set's members may be left out too. */
export type GivenEvaluation = Omit<Given<Evaluation>, 'set'> & { set: Given<Evaluation['set']> };
export const blankSet: Omit<Evaluation['set'], 'kind'> = {
  name: null,
  version: null,
  digest: null,
  split: null,
  samples: null,
};

export type GivenEnvironment = Partial<Omit<Environment, 'attempt' | 'seeds' | 'hardware' | 'determinism'>> & {
  seeds?: Partial<Environment['seeds']>;
  hardware?: Partial<Environment['hardware']>;
  determinism?: Partial<Environment['determinism']>;
};

/** Environment facts with everything unknown filled in. */
export function completeEnvironment(given: GivenEnvironment): Omit<Environment, 'attempt'> {
  return {
    seeds: fill({ seed: null, data_seed: null, numpy_seed: null }, given.seeds),
    versions: given.versions ?? {},
    platform: given.platform ?? null,
    hardware: fill(
      { gpu_type: null, gpu_count: null, cuda_version: null, driver_version: null, hosts: null },
      given.hardware,
    ),
    determinism: fill(
      { cudnn_deterministic: null, cudnn_benchmark: null, deterministic_algorithms: null },
      given.determinism,
    ),
    variables: given.variables ?? {},
    image_digest: given.image_digest ?? null,
    lock_digest: given.lock_digest ?? null,
    asserted: given.asserted ?? [],
  };
}

/** The blank with what is given in its place; a member that is undefined counts as left out. */
export function fill<Blank extends object>(blank: Blank, given: object = {}): Blank {
  const known = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return { ...blank, ...Object.fromEntries(known) };
}

/**
 * Parameters as a flat map: nested objects get dotted names, lists of scalars stay, what JSON cannot say (functions,
 * dates, deeper lists) is its text. Non-finite numbers become their strings.
 */
export function flattenParameters(parameters: object): Record<string, ParameterValue> {
  const flat: Record<string, ParameterValue> = {};
  const pending: [string, unknown, number][] = Object.entries(parameters).map(([name, value]) => [name, value, 0]);
  for (let next = pending.shift(); next; next = pending.shift()) {
    const [name, value, depth] = next;
    if (value === undefined) continue;
    if (isPlain(value) && depth < 16 && pending.length < 5000 && Object.keys(value).length > 0) {
      pending.push(
        ...Object.entries(value).map(([key, of]): [string, unknown, number] => [`${name}.${key}`, of, depth + 1]),
      );
    } else if (Array.isArray(value) && value.length <= 1000 && value.every(isScalar)) {
      flat[name] = value.map(encodeScalar);
    } else {
      flat[name] = isScalar(value) ? encodeScalar(value) : textOf(value);
    }
  }
  return flat;
}

type ParameterValue = EventPayload<'run.parameters-recorded'>['parameters'][string];
type Scalar = string | number | boolean | null;

function isPlain(value: unknown): value is object {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

const encodeScalar = (value: Scalar): Scalar =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
