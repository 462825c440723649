import { draftStart, environmentOf, parametersOf } from './draft-start.js';
import { evaluationSet } from './draft-evaluations.js';
import { inputsOf } from './draft-inputs.js';
import { finalDigest } from './draft-outcome.js';
import { numberRows } from './number-rows.js';
import type { RunMaterial } from './read-run.js';
import type { Row } from './row.js';

export interface Report {
  /** What the folder and the files beside it told, in sentences. */
  readonly found: readonly string[];
  /** What an audit asks for and nobody told, each with the way to tell it. */
  readonly missing: readonly string[];
}

const TRAINERS = { llama_factory: 'LLaMA-Factory', trl: 'TRL', transformers: 'transformers Trainer' };

/** What was found and what is missing, honestly: a gate or an audit that lacks it will say `missing`, never pass. */
export function reportOn(material: RunMaterial): Report {
  const rows = numberRows(material).map(({ row }) => row);
  return { found: findingsOf(material, rows), missing: missingOf(material, rows) };
}

const SHOWN_MAX = 5;

function findingsOf(material: RunMaterial, rows: readonly Row[]): string[] {
  const { trainer, log, state, attempts, isFinished, lastStep, config, dataset, outputs, checkpoints, finalStep } =
    material;
  const count = (kind: string) => rows.filter((row) => row.kind === kind).length;
  const planned = attempts.at(-1)?.totalSteps ?? state?.maxSteps ?? null;
  const sources = [log ? 'trainer_log.jsonl' : null, state?.file ?? null].filter((name) => name !== null);
  const resumed = attempts
    .slice(1)
    .map(({ resumesStep }) => (resumesStep === null ? 'a step unknown' : `step ${resumesStep}`));
  const shown = resumed.length > SHOWN_MAX ? [...resumed.slice(0, SHOWN_MAX), '...'] : resumed;
  return [
    `a run of ${TRAINERS[trainer]}, ${isFinished ? 'finished' : 'broken off'} at step ${lastStep}${planned === null ? '' : ` of ${planned}`}`,
    `${count('train')} loss rows, ${count('eval')} evaluation rows, ${count('summary')} summary rows in ${sources.join(' and ')}`,
    ...(attempts.length > 1 ? [`${attempts.length} attempts; resumed from ${shown.join(', ')}`] : []),
    ...(finalStep === null ? [] : [`final weights: those of step ${finalStep}`]),
    ...(config ? [`configuration ${config.name}`] : []),
    ...(dataset ? [`dataset ${dataset.name}, ${dataset.samples ?? 'uncounted'} samples`] : []),
    ...(checkpoints.length > 0 ? [`checkpoints ${checkpoints.map(({ step }) => step).join(', ')}`] : []),
    ...(outputs.length > 0 ? [`${outputs.length} output files`] : []),
  ];
}

function missingOf(material: RunMaterial, rows: readonly Row[]): string[] {
  const { trainer, adapter, outputs, isFinished } = material;
  const inputs = inputsOf(material);
  const { baseModel, train, config } = inputs;
  const environment = environmentOf(material);
  const { seeds, versions, hardware, determinism } = environment;
  const packages = [
    'python',
    'torch',
    'transformers',
    ...(adapter ? ['peft'] : []),
    ...(trainer === 'llama_factory' ? [trainer] : []),
  ];
  const absent = packages.filter((name) => versions[name] === undefined);
  const hasEvaluation = rows.some(({ kind, values }) => kind === 'eval' && 'eval_loss' in values);
  const isFull = (text: string | null | undefined) => /^[0-9a-f]{40}$/.test(text ?? '');
  const checks: readonly (readonly [isThere: boolean, what: string])[] = [
    [rows.some(({ values }) => 'loss' in values), 'loss rows'],
    [
      rows.some(({ values }) => 'grad_norm' in values),
      'grad_norm (trainer_log.jsonl has none; trainer_state.json would)',
    ],
    [hasEvaluation, 'evaluation rows'],
    [
      !hasEvaluation || evaluationSet(material, inputs) !== null,
      'what was evaluated on (eval_dataset or val_size in --config, eval_dataset in --facts)',
    ],
    [baseModel?.source != null, 'base model: source (base_model.source in --facts)'],
    [
      baseModel?.digest != null || isFull(baseModel?.revision),
      'base model: digest or full revision (base_model.digest or .revision in --facts)',
    ],
    [train?.digest != null, 'dataset: digest (--dataset, or dataset.digest in --facts)'],
    [train?.version != null, 'dataset: version (dataset.version in --facts)'],
    [train?.samples != null, 'dataset: samples (dataset.samples in --facts)'],
    [train?.schema != null, 'dataset: schema (dataset.schema in --facts)'],
    [config?.digest != null, 'configuration (--config)'],
    [config?.resolved_digest != null, 'resolved configuration (resolved_digest in --facts)'],
    [
      isFull(config?.git?.commit) && config?.git?.dirty != null,
      'git commit and whether it was dirty (git.commit, git.dirty in --facts)',
    ],
    [draftStart(material).occurred_at !== null, 'start time (started_at in --facts)'],
    [material.facts.has('ended_at'), 'end time (ended_at in --facts)'],
    [
      !isFinished || finalDigest(material) !== null,
      'final weights (weights.digest in --facts, if they are kept elsewhere)',
    ],
    [!isFinished || outputs.some(({ role }) => role === 'training_args'), 'training_args.bin'],
    [seeds.seed !== null && seeds.data_seed !== null, 'seeds (seeds.seed, seeds.data_seed in --facts)'],
    [absent.length === 0, `versions of ${absent.join(', ')} (versions in --facts)`],
    [hardware.gpu_type !== null && hardware.gpu_count !== null, 'hardware (hardware.gpu_type, .gpu_count in --facts)'],
    [Object.values(determinism).some((value) => value !== null), 'determinism (determinism in --facts)'],
    [Object.keys(parametersOf(material)).length > 0, 'parameters (--config)'],
  ];
  return checks.flatMap(([isThere, what]) => (isThere ? [] : [what]));
}
