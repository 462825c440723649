import { canonicalJson } from '@runseal/chain';
import type { EventPayload } from '@runseal/contracts';
import { draft, type Draft, type Ids } from './draft.js';
import type { Inputs } from './draft-inputs.js';
import { finalDigest } from './draft-outcome.js';
import { digestOf, finalAttempt, type RunMaterial } from './read-run.js';
import type { NumberedRow } from './number-rows.js';
import { numberOrNull } from './row.js';

type Evaluated = EventPayload<'run.evaluated'>;
type EvaluationSet = Evaluated['set'];
interface StatedEvaluation {
  task?: string;
  'set.name'?: string;
  'set.version'?: string;
  'set.digest'?: string;
  'set.samples'?: number;
  'evaluator.name'?: string;
  'evaluator.version'?: string;
  raters?: number;
  metrics: { name: string; value: number; 'scale.from': number; 'scale.to': number; standard_error?: number }[];
}

const BLANK_SET: EvaluationSet = { kind: 'fixed', name: null, version: null, digest: null, split: null, samples: null };

/** What the final weights were judged on: the trainer's own evaluations of them, its predictions, and what a person states. */
export function draftEvaluations(material: RunMaterial, inputs: Inputs, rows: readonly NumberedRow[]): Draft[] {
  const set = evaluationSet(material, inputs);
  return [
    ...(set ? ownEvaluations(material, set, rows) : []),
    ...predictions(material, set?.set ?? BLANK_SET),
    ...statedEvaluations(material),
  ];
}

export interface OwnSet {
  readonly set: EvaluationSet;
  readonly asserted: readonly string[];
}

/** A set of its own, or the part split off the training data; null where nothing tells. */
export function evaluationSet({ config }: RunMaterial, { train, evaluation }: Inputs): OwnSet | null {
  if (evaluation) {
    const { name, version, digest, samples } = evaluation;
    const stated = ['name', 'version', 'digest', 'samples'].filter((member) =>
      evaluation.asserted.includes(`/payload/${member}`),
    );
    return {
      set: { kind: 'fixed', name, version, digest, split: null, samples },
      asserted: stated.map((member) => `/payload/set/${member}`),
    };
  }
  const { val_size: size, seed, max_samples: limit, template } = config?.parameters ?? {};
  if (typeof size !== 'number' || size <= 0) return null;
  const split = {
    training_digest: train?.digest ?? null,
    val_size: size,
    seed: Number.isSafeInteger(seed) ? (seed as number) : null,
    max_samples: Number.isSafeInteger(limit) && (limit as number) >= 0 ? (limit as number) : null,
    template: typeof template === 'string' && template !== '' ? template : null,
  };
  const digest = digestOf(`runseal.split.v1\n${canonicalJson(split)}`);
  const set = {
    kind: 'split' as const,
    name: train?.name ?? null,
    version: train?.version ?? null,
    digest,
    split,
    samples: null,
  };
  return { set, asserted: train?.version != null ? ['/payload/set/version'] : [] };
}

/** The first evaluation at the step of the final weights, and any that came after training: those are of the same weights. */
function ownEvaluations(material: RunMaterial, { set, asserted }: OwnSet, rows: readonly NumberedRow[]): Draft[] {
  const { finalStep } = material;
  const [made, last] = [finalAttempt(material), material.attempts.length - 1];
  if (finalStep === null) return [];
  return rows.flatMap(({ attempt: index, row, n, isAfterTraining }) => {
    const isAfter = isAfterTraining && index === last;
    const isAtStep = index === made && row.step === finalStep && n === 0;
    if (row.kind !== 'eval' || !('eval_loss' in row.values) || (!isAfter && !isAtStep)) return [];
    return [
      draft('run.evaluated', (ids: Ids) => ({
        ...blank(material, ids),
        row: { attempt: ids.attempt(index), kind: 'eval' as const, step: row.step, n },
        set,
        after_training: isAfter,
        asserted: [...asserted],
      })),
    ];
  });
}

/** ROUGE and BLEU come on a scale of 0 to 100. */
function predictions(material: RunMaterial, set: EvaluationSet): Draft[] {
  const { predicted } = material.results;
  if (!predicted) return [];
  const scale = { from: 0, to: 100 };
  const metrics = Object.entries(predicted).map(([name, value]) => ({
    ...{ name: name.replace(/^predict_/, ''), value, scale, standard_error: null },
  }));
  return [
    draft('run.evaluated', (ids) => ({
      ...blank(material, ids),
      set,
      metrics,
      evaluator: { name: 'llama_factory', version: null },
    })),
  ];
}

function statedEvaluations(material: RunMaterial): Draft[] {
  const stated = material.facts.fresh().stated<StatedEvaluation[]>('evaluations', '') ?? [];
  return stated.map((given) =>
    draft('run.evaluated', (ids) => ({
      ...blank(material, ids),
      set: {
        ...BLANK_SET,
        name: given['set.name'] ?? null,
        version: given['set.version'] ?? null,
        digest: given['set.digest'] ?? null,
        samples: given['set.samples'] ?? null,
      },
      task: given.task ?? null,
      metrics: given.metrics.map((metric) => ({
        name: metric.name,
        value: metric.value,
        scale: { from: metric['scale.from'], to: metric['scale.to'] },
        standard_error: numberOrNull(metric.standard_error),
      })),
      evaluator:
        given['evaluator.name'] === undefined
          ? null
          : { name: given['evaluator.name'], version: given['evaluator.version'] ?? null },
      raters: given.raters ?? null,
      asserted: ['/payload'],
    })),
  );
}

function blank(material: RunMaterial, { attempt }: Ids): Omit<Evaluated, 'set'> {
  const { finalStep } = material;
  return {
    row: null,
    weights:
      finalStep === null
        ? null
        : { attempt: attempt(finalAttempt(material)), step: finalStep, digest: finalDigest(material) },
    task: null,
    metrics: [],
    evaluator: null,
    raters: null,
    after_training: null,
    asserted: [],
  };
}
