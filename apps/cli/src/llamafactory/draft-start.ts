import type { EventPayload } from '@runseal/contracts';
import { draft, shortened, type Draft, type Ids } from './draft.js';
import type { RunMaterial } from './read-run.js';
import { countOrNull, numberOrNull } from './row.js';
import type { Parameters } from './training-yaml.js';

type Environment = EventPayload<'run.environment-recorded'>;

/** Resolved settings of the trainer: its own files before the configuration, which a command line may have overruled. */
export function parametersOf({ config, state, card, adapter }: RunMaterial): Parameters {
  const lora: Parameters = {};
  const names = { r: 'lora_rank', lora_alpha: 'lora_alpha', lora_dropout: 'lora_dropout' };
  for (const [name, own] of Object.entries(names)) {
    const value = numberOrNull(adapter?.[name]);
    if (value !== null) lora[own] = value;
  }
  return { ...lora, ...config?.parameters, ...state?.settings, ...card?.parameters };
}

/** The run's start. `experiment` and `name` may be null where a start is sealed already: that one stays. */
export function draftStart(material: RunMaterial): Draft<'run.started'> {
  const { options, folder, trainer, config, card, facts } = material;
  const own = facts.fresh();
  const parameters = config?.parameters ?? {};
  const started = own.stated<string>('started_at', '/occurred_at');
  const target = own.stated<string>('target_model', '/payload/target_model');
  const tasks = own.stated<string[]>('tasks', '/payload/tasks');
  const tags = own.settleMap('tags', {}, '/payload/tags');
  const objective = own.settle('objective', objectiveOf(parameters, card?.tags ?? []), '/payload/objective');
  const versions = versionsOf(material, own.fresh());
  const given = options.name ?? textOrNull(parameters['run_name']) ?? card?.name ?? null;
  return {
    type: 'run.started',
    occurred_at: started,
    payload: () => ({
      experiment: shortened(options.experiment ?? target ?? folder.name, 250) ?? folder.name,
      name: shortened(given, 250),
      target_model: target,
      tasks,
      objective,
      trainer: { name: trainer, version: versions[trainer] ?? null },
      recorded: 'afterwards',
      expected_samples_per_second: null,
      tags,
      asserted: own.asserted,
    }),
  };
}

export function draftAttempt(
  { attempts, config, log, state }: RunMaterial,
  index: number,
): Draft<'run.attempt-started'> {
  const { resumesStep, totalSteps } = attempts[index] as RunMaterial['attempts'][number];
  return {
    type: 'run.attempt-started',
    occurred_at: null,
    payload: ({ attempt }) => ({
      resumes: index === 0 ? null : { attempt: attempt(index - 1), step: resumesStep },
      total_steps: totalSteps,
      // Beside a log not of trainer_state.json, which a folder gains later: the event must stay the same.
      total_epochs: numberOrNull(config?.parameters['num_train_epochs']) ?? (log ? null : (state?.epochs ?? null)),
      processes: null,
      asserted: [],
    }),
  };
}

export function draftParameters(material: RunMaterial): Draft | null {
  const parameters = parametersOf(material);
  if (Object.keys(parameters).length === 0) return null;
  return draft('run.parameters-recorded', () => ({ attempt: null, parameters, asserted: [] }));
}

export function draftEnvironment(material: RunMaterial): Draft {
  const environment = environmentOf(material);
  return draft('run.environment-recorded', (_ids: Ids) => ({ attempt: null, ...environment }));
}

export function environmentOf(material: RunMaterial): Omit<Environment, 'attempt'> {
  const own = material.facts.fresh();
  const parameters = parametersOf(material);
  const isCpu = parameters['use_cpu'] === true;
  const seed = own.settle('seeds.seed', countOrNull(parameters['seed']), '/payload/seeds/seed');
  // The trainer's set_seed gives numpy the same seed.
  const numpy = seed !== null && !own.has('seeds.numpy_seed') ? 'derived' : null;
  const hardware = <Name extends keyof Environment['hardware']>(name: Name, found: Environment['hardware'][Name]) =>
    own.settle(`hardware.${name}`, found, `/payload/hardware/${name}`);
  const determinism = (name: string) => own.stated<boolean>(`determinism.${name}`, `/payload/determinism/${name}`);
  return {
    seeds: {
      seed,
      data_seed: own.settle('seeds.data_seed', countOrNull(parameters['data_seed']), '/payload/seeds/data_seed'),
      numpy_seed: own.settle<number | 'derived'>('seeds.numpy_seed', numpy, '/payload/seeds/numpy_seed'),
    },
    versions: versionsOf(material, own),
    platform: own.stated<string>('platform', '/payload/platform'),
    hardware: {
      gpu_type: hardware('gpu_type', isCpu ? 'cpu' : null),
      gpu_count: hardware('gpu_count', isCpu ? 0 : null),
      cuda_version: hardware('cuda_version', null),
      driver_version: hardware('driver_version', null),
      hosts: hardware('hosts', null),
    },
    determinism: {
      cudnn_deterministic: determinism('cudnn_deterministic'),
      cudnn_benchmark: determinism('cudnn_benchmark'),
      deterministic_algorithms: determinism('deterministic_algorithms'),
    },
    variables: {},
    image_digest: own.stated<string>('image_digest', '/payload/image_digest'),
    lock_digest: own.stated<string>('lock_digest', '/payload/lock_digest'),
    asserted: own.asserted,
  };
}

function versionsOf({ card, adapter, model }: RunMaterial, own: RunMaterial['facts']): Record<string, string> {
  const found: Record<string, string> = { ...card?.versions };
  const peft = textOrNull(adapter?.['peft_version']);
  const transformers = textOrNull(model?.['transformers_version']);
  if (peft !== null) found['peft'] ??= peft;
  if (transformers !== null) found['transformers'] ??= transformers;
  return own.settleMap('versions', found, '/payload/versions');
}

/** LLaMA-Factory's stage, or the variant of preference loss; of TRL the model card's tag. */
function objectiveOf(parameters: Parameters, tags: readonly string[]): string | null {
  const stage = textOrNull(parameters['stage']);
  const loss = textOrNull(parameters['pref_loss']);
  if (stage === 'dpo' && loss !== null && loss !== 'sigmoid') return loss;
  return stage ?? ['dpo', 'kto', 'orpo', 'grpo', 'ppo', 'sft'].find((tag) => tags.includes(tag)) ?? null;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
