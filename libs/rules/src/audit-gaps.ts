// G6's list (GATES.md): what an audit record must hold before a run counts as documented.
import { baseModelOf, configOf, isLlamaFactory, trainingArgsOf, trainingSets, versionOf } from './audit-record.js';
import { outputField, otherDigestsField, limitsField, producersField } from './audit-completeness.js';
import { digestField, field, presenceField, type AuditField, type IsRegistered } from './audit-field.js';
import type { InputFacts } from './material-facts.js';
import type { RunFacts } from './run-facts.js';
import { weightsOutput } from './weights.js';

/** Every field of G6's list, those that are present too, in the list's order. Nothing defaults. */
export function auditFields(facts: RunFacts, isRegistered: IsRegistered): readonly AuditField[] {
  return [
    ...baseModelFields(facts, isRegistered),
    ...datasetFields(facts, isRegistered),
    ...configFields(facts, isRegistered),
    ...recordFields(facts),
    outputField(facts, isRegistered),
    digestField('output_artifacts.training_args.hash', trainingArgsOf(facts)?.digest ?? null, {
      isRegistered,
      wanted: 'the sha256 of the trainer’s resolved arguments (training_args)',
      remedy: 'Record training_args.json or training_args.bin as an output of role training_args, hashed.',
    }),
    ...seedFields(facts),
    ...versionFields(facts),
    ...hardwareFields(facts),
    ...determinismFields(facts),
    otherDigestsField(facts, isRegistered),
    producersField(facts),
    limitsField(facts),
  ];
}

/** The fields that are not present: none means that G6 passes. */
export function auditGaps(facts: RunFacts, isRegistered: IsRegistered): readonly AuditField[] {
  return auditFields(facts, isRegistered).filter(({ state }) => state !== 'present');
}

const COMMIT = /^[0-9a-f]{40}$/;
const again = (name: string) =>
  `Record it with the run, or state it as ${name} in the facts file of an import (--facts) and import again.`;

function baseModelFields(facts: RunFacts, isRegistered: IsRegistered): AuditField[] {
  const base = baseModelOf(facts);
  const name = 'input_artifacts.base_model.revision';
  const wanted = 'the sha256 of the base model’s weights, or a full commit of 40 hex digits as its revision';
  const remedy = again('base_model.revision or base_model.digest');
  const revision = base?.revision ?? null;
  return [
    presenceField('input_artifacts.base_model.source', base?.source ?? null, {
      wanted: 'where the base model comes from',
      remedy: again('base_model.source'),
    }),
    base?.digest
      ? digestField(name, base.digest, { isRegistered, wanted, remedy })
      : presenceField(name, revision, { wanted, remedy, isWell: (value) => COMMIT.test(value) }),
  ];
}

function datasetFields(facts: RunFacts, isRegistered: IsRegistered): AuditField[] {
  const sets = trainingSets(facts);
  const of = (member: 'digest' | 'version' | 'samples' | 'schema', name: string, wanted: string): AuditField => {
    const full = `input_artifacts.dataset.${name}`;
    const remedy = again(`dataset.${member}`);
    const each = sets.map((set): AuditField => {
      if (set.role === null) {
        const found = `the role of ${nameOf(set)} is not told`;
        return field(full, { state: 'missing', found, wanted: `${wanted}, and role train`, seq: set.seq, remedy });
      }
      return member === 'digest'
        ? digestField(full, set.digest, { isRegistered, wanted, remedy })
        : presenceField<string | number>(full, set[member], { wanted, remedy });
    });
    // One of several sets that is not documented is a gap, and is named.
    const worst = each.findIndex(({ state }) => state !== 'present');
    if (worst === -1) return each[0] ?? presenceField(full, null, { wanted, remedy });
    const gap = each[worst] as AuditField;
    return sets.length === 1
      ? gap
      : { ...gap, found: `${nameOf(sets[worst] as InputFacts)}: ${gap.found ?? 'nothing'}` };
  };
  return [
    of('digest', 'hash', 'the sha256 of the training data'),
    of('version', 'version', 'the version of the training data'),
    of('samples', 'samples', 'the number of training samples'),
    of('schema', 'schema', 'the schema of the training data, such as alpaca'),
  ];
}

const nameOf = ({ name, path }: InputFacts): string => name ?? path?.value ?? 'a data set';

function configFields(facts: RunFacts, isRegistered: IsRegistered): AuditField[] {
  const config = configOf(facts);
  const place = (name: string) => `input_artifacts.config.${name}`;
  return [
    presenceField(place('file'), config?.path ?? null, {
      wanted: 'the configuration’s file',
      remedy: 'Record the configuration file as an input of kind config, or import with --config FILE.',
    }),
    digestField(place('content_hash'), config?.digest ?? null, {
      isRegistered,
      wanted: 'the sha256 of the configuration file’s bytes',
      remedy: 'Record the configuration file hashed, or import with --config FILE.',
    }),
    // It names a text that is made from arguments, not a file that somebody could register.
    presenceField(place('resolved_hash'), config?.resolved_digest ?? null, {
      wanted: 'the sha256 of the resolved arguments',
      remedy: again('resolved_digest'),
    }),
    presenceField(place('git_commit'), config?.git_commit ?? null, {
      wanted: 'the full commit, 40 hex digits',
      remedy: again('git.commit'),
      isWell: (value) => COMMIT.test(value),
    }),
    presenceField(place('dirty'), config?.git_dirty ?? null, {
      wanted: 'whether the working tree differed from the commit',
      remedy: again('git.dirty'),
    }),
  ];
}

function recordFields(facts: RunFacts): AuditField[] {
  const { started, terminal, progress, run_id, first_seq } = facts;
  const [start, end] = [started?.at ?? null, terminal?.at ?? null];
  const place = (name: string) => `training_record.${name}`;
  const isAfterStart = (value: string) => !start || Date.parse(value) >= Date.parse(start.value);
  return [
    presenceField(place('experiment_id'), started?.experiment ?? null, {
      wanted: 'the experiment that the run belongs to',
      remedy: 'Send run.started with the experiment.',
    }),
    presenceField(place('run_id'), run_id === null ? null : { value: run_id, seq: first_seq ?? facts.seq }, {
      wanted: 'the run’s UUID',
      remedy: 'Send the run’s events to its own stream.',
    }),
    presenceField(place('timeline.start_time'), start, {
      wanted: 'when the run started',
      remedy: again('started_at'),
    }),
    presenceField(place('timeline.end_time'), end, {
      wanted: 'when the run ended, not before its start',
      remedy: again('ended_at'),
      isWell: isAfterStart,
    }),
    presenceField(place('progress.total_steps'), terminal?.total_steps ?? progress.total_steps, {
      wanted: 'the steps that were planned',
      remedy: 'End the run with its total steps.',
    }),
    presenceField(place('progress.completed_steps'), terminal?.completed_steps ?? null, {
      wanted: 'the steps that were done',
      remedy: 'End the run with its completed steps.',
    }),
  ];
}

function seedFields({ environment }: RunFacts): AuditField[] {
  const of = (name: 'seed' | 'data_seed' | 'numpy_seed', wanted: string) =>
    presenceField<number | string>(`reproducibility.seeds.${name}`, environment[name], {
      wanted,
      remedy: again(`seeds.${name}`),
    });
  return [
    of('seed', 'the seed of the training'),
    of('data_seed', 'the seed of the data’s order'),
    of('numpy_seed', 'the seed of numpy, or derived where the trainer sets it from the seed'),
  ];
}

function versionFields(facts: RunFacts): AuditField[] {
  const of = (name: string, wanted: string) =>
    presenceField(`reproducibility.environment.${name}_version`, versionOf(facts, name), {
      wanted,
      remedy: again(`versions.${name}`),
    });
  const trainer = facts.started?.trainer_name ?? null;
  return [
    of('python', 'Python’s version'),
    of('torch', 'torch’s version'),
    of('transformers', 'transformers’ version'),
    unlessNeedless(of('peft', 'peft’s version'), usesAdapter(facts)),
    unlessNeedless(of('llama_factory', 'llama_factory’s version'), {
      isUsed: trainer && isLlamaFactory(trainer.value),
      words: trainer ? `not used: the trainer is ${trainer.value}` : 'which program trained is not told',
      seq: trainer?.seq ?? null,
    }),
  ];
}

interface Use {
  /** Null: nobody tells. */
  readonly isUsed: boolean | null;
  readonly words: string;
  readonly seq: number | null;
}

/** A version counts as there where the package was not used; where nobody tells whether it was, it stays missing. */
function unlessNeedless(version: AuditField, { isUsed, words, seq }: Use): AuditField {
  if (version.state === 'present' || isUsed === true) return version;
  if (isUsed === null) return { ...version, found: words, wanted: `${version.wanted}, or that it was not used` };
  return { ...version, state: 'present', found: words, seq, remedy: null };
}

const adapters = new Set(['lora', 'qlora', 'dora', 'rslora', 'adalora', 'pissa', 'loftq', 'oft', 'ia3']);

/** What was trained, by the parameters; else by what came out. Merged weights do not tell. */
function usesAdapter(facts: RunFacts): Use {
  const { parameters } = facts;
  const type = weightsOutput(facts)?.type ?? null;
  const method = Object.hasOwn(parameters, 'finetuning_type') ? (parameters['finetuning_type'] ?? null) : null;
  const told = [type, method].filter((said) => said !== null && said.value !== null && said.value !== 'merged');
  const adapter = told.find((said) => adapters.has(String(said?.value)));
  if (adapter) return { isUsed: true, words: `the weights are ${String(adapter.value)}`, seq: adapter.seq };
  const full = told.find((said) => said?.value === 'full' || said?.value === 'freeze');
  if (full) return { isUsed: false, words: `not used: the weights are ${String(full.value)}`, seq: full.seq };
  return { isUsed: null, words: 'whether an adapter was trained is not told', seq: null };
}

function hardwareFields({ environment }: RunFacts): AuditField[] {
  const { gpu_type, gpu_count } = environment;
  const isCpu = gpu_type?.value.toLowerCase() === 'cpu';
  const count = 'reproducibility.hardware.gpu_count';
  const wanted = isCpu ? 'no GPU, as the type is cpu' : 'how many GPUs were used, from 1 on';
  const remedy = again('hardware.gpu_count');
  return [
    presenceField('reproducibility.hardware.gpu_type', gpu_type, {
      wanted: 'the GPU’s name, or cpu',
      remedy: again('hardware.gpu_type'),
    }),
    isCpu && gpu_count === null
      ? field(count, { state: 'present', found: 'cpu', wanted, seq: gpu_type.seq, remedy: null })
      : presenceField<number>(count, gpu_count, { wanted, remedy, isWell: (value) => (value === 0) === isCpu }),
  ];
}

function determinismFields({ environment }: RunFacts): AuditField[] {
  const of = (name: 'cudnn_deterministic' | 'cudnn_benchmark') =>
    presenceField(`reproducibility.determinism.${name}`, environment[name], {
      wanted: `whether torch.backends.${name.replace('_', '.')} was on`,
      remedy: again(`determinism.${name}`),
    });
  return [of('cudnn_deterministic'), of('cudnn_benchmark')];
}
