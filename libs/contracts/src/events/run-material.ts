// What went into a run, what came out of it and what it ran on.
import { Type } from 'typebox';
import { defineEvent } from '../define-event.js';
import {
  asserted,
  closed,
  digest,
  eventId,
  flag,
  integer,
  list,
  map,
  nullable,
  oneOf,
  slug,
  taggedUnion,
  text,
} from '../scalars.js';

const path = nullable(text('where it lay on the machine that read it', 4096));
const contentDigest = nullable(digest('the file’s, or the folder’s manifest; null: not hashed'));
const license = nullable(text('licence, as its publisher names it', 250));
const source = nullable(text('where it comes from: a hub’s name or an address', 1000));
const kind = <const Kind extends string>(value: Kind, description: string) => Type.Literal(value, { description });

export const runInputRecorded = defineEvent({
  type: 'run.input-recorded',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'One thing that went into the run. A later event of the same kind, role and name completes the earlier one.',
  payload: taggedUnion('kind', [
    closed({
      kind: kind('base_model', 'the weights that training starts from'),
      source,
      revision: nullable(text('the revision as given; only a full commit counts as complete', 250)),
      path,
      digest: contentDigest,
      license,
      asserted,
    }),
    closed({
      kind: kind('dataset', 'data that is learned from or judged on'),
      role: nullable(oneOf(['train', 'eval', 'test'], 'learned from, watched during training, judged on afterwards')),
      name: nullable(text('its name', 250)),
      version: nullable(text('its version', 250)),
      source,
      path,
      digest: contentDigest,
      samples: nullable(integer('samples')),
      schema: nullable(text('alpaca, sharegpt, ...', 250)),
      license,
      asserted,
    }),
    closed({
      kind: kind('config', 'the configuration of the run'),
      path,
      digest: nullable(digest('the file’s bytes as written')),
      resolved_digest: nullable(digest('canonical JSON of the arguments after defaults and overrides')),
      git: nullable(
        closed(
          {
            repository: nullable(text('address without credentials', 1000)),
            commit: nullable(text('as given; only a full commit counts as complete', 100)),
            dirty: nullable(flag('whether the working tree differed from the commit')),
          },
          { description: 'the commit that holds the file' },
        ),
      ),
      asserted,
    }),
    closed({
      kind: kind('other', 'anything else that the result depends on'),
      role: slug('adapter, reference_model, reward_model, tokenizer, template, code, ...'),
      name: nullable(text('its name', 250)),
      source,
      path,
      digest: contentDigest,
      asserted,
    }),
  ]),
});

export const runOutputRecorded = defineEvent({
  type: 'run.output-recorded',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'One thing that the run made: a file or a folder.',
  payload: closed({
    role: oneOf(
      ['weights', 'training_args', 'tokenizer', 'report', 'other'],
      'final weights, resolved arguments of the trainer, tokenizer, results and plots, anything else',
    ),
    type: nullable(slug('of weights: lora, full, merged, ...')),
    path,
    digest: contentDigest,
    size_bytes: nullable(integer('size of all files')),
    files: nullable(
      list(
        closed({
          path: text('relative to the folder, with /', 4096),
          digest: nullable(digest('the file’s')),
          size_bytes: nullable(integer('its size')),
        }),
        'the folder’s files; null: a single file, or too many to list, and the manifest names them',
        { max: 4000 },
      ),
    ),
    tensors_finite: nullable(flag('of weights: whether every tensor was read and holds finite numbers only')),
    asserted,
  }),
});

export const runEnvironmentRecorded = defineEvent({
  type: 'run.environment-recorded',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'What is needed to run it again. A later event completes the earlier one: null erases nothing.',
  payload: closed({
    attempt: nullable(eventId('the attempt: event id of its run.attempt-started')),
    seeds: closed(
      {
        seed: nullable(integer('seed of the training')),
        data_seed: nullable(integer('seed of the data order')),
        numpy_seed: Type.Unsafe<number | 'derived' | null>({
          anyOf: [
            { type: ['integer', 'null'], minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
            { type: 'string', const: 'derived' },
          ],
          description: 'seed of numpy, or "derived" where the trainer sets it from `seed`',
        }),
      },
      { description: 'seeds as the trainer used them' },
    ),
    versions: map(text('version', 250), 'package to version: python, torch, transformers, peft, llama_factory, ...', {
      max: 2000,
    }),
    platform: nullable(text('operating system and machine', 250)),
    hardware: closed(
      {
        gpu_type: nullable(text('name of the GPU, or "cpu" where none was used', 250)),
        gpu_count: nullable(integer('GPUs used in all; 0 on a CPU')),
        cuda_version: nullable(text('CUDA (or ROCm) that torch was built for', 100)),
        driver_version: nullable(text('driver', 100)),
        hosts: nullable(integer('machines', 1)),
      },
      { description: 'the machine' },
    ),
    determinism: closed(
      {
        cudnn_deterministic: nullable(flag('torch.backends.cudnn.deterministic')),
        cudnn_benchmark: nullable(flag('torch.backends.cudnn.benchmark')),
        deterministic_algorithms: nullable(flag('torch.are_deterministic_algorithms_enabled()')),
      },
      { description: 'settings that decide whether a second run gives the same numbers' },
    ),
    variables: map(text('value', 4000, 0), 'environment variables that the client was told to record', { max: 200 }),
    image_digest: nullable(digest('the container image')),
    lock_digest: nullable(digest('the lock file or the list of installed packages')),
    asserted,
  }),
});
