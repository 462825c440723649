import type { EventPayload } from '@runseal/contracts';
import { attemptOfStep } from './attempts.js';
import { draft, registered, registeredAsStated, type Draft, type Ids } from './draft.js';
import { finalAttempt, type RunMaterial } from './read-run.js';
import { countOrNull, numberOrNull } from './row.js';

type Ending = EventPayload<'run.finished'>;

/** Weights that are not in the folder, as a person stated them. */
export function statedWeights({ facts, outputs }: RunMaterial): EventPayload<'run.output-recorded'> | null {
  const own = facts.fresh();
  if (!own.has('weights.digest') || outputs.some(({ role }) => role === 'weights')) return null;
  return {
    role: 'weights',
    type: own.stated<string>('weights.type', '/payload/type'),
    path: own.stated<string>('weights.path', '/payload/path'),
    digest: own.stated<string>('weights.digest', '/payload/digest'),
    size_bytes: own.stated<number>('weights.size_bytes', '/payload/size_bytes'),
    files: null,
    tensors_finite: null,
    asserted: own.asserted,
  };
}

/** The digest of the final weights, hashed here or stated; null where nobody knows it. */
export function finalDigest(material: RunMaterial): string | null {
  const hashed = material.outputs.find(({ role }) => role === 'weights');
  return hashed?.digest ?? statedWeights(material)?.digest ?? null;
}

export function draftCheckpoints({ checkpoints, attempts, state }: RunMaterial): Draft[] {
  return checkpoints.map(({ step, path, digest, size_bytes }) =>
    draft('run.checkpoint-saved', ({ attempt }) => ({
      attempt: attempt(attemptOfStep(attempts, step)),
      step,
      epoch: state?.rows.find((row) => row.step === step)?.epoch ?? null,
      path,
      digest,
      size_bytes,
      asserted: [],
    })),
  );
}

export function draftOutputs(material: RunMaterial): Draft[] {
  const type = typeOf(material);
  const found = material.outputs.map(({ role, path, digest, size_bytes, files }) =>
    draft('run.output-recorded', () => ({
      ...{ role, type: role === 'weights' ? type : null, path, digest, size_bytes, files },
      tensors_finite: null,
      asserted: [],
    })),
  );
  const stated = statedWeights(material);
  return stated ? [draft('run.output-recorded', () => stated), ...found] : found;
}

export function draftOutcomeArtifacts(material: RunMaterial): Draft[] {
  const stated = statedWeights(material);
  return [
    ...(stated?.digest ? [registeredAsStated(stated.digest, 'weights', stated.path)] : []),
    ...material.outputs.flatMap(({ role, path, form, digest, size_bytes, files }) => [
      registered(digest, { form, kind: role, name: path, location: path, size_bytes, files }),
      // Shards are known by their own digests too.
      ...(files ?? []).map((file) =>
        registered(file.digest, {
          form: 'file',
          kind: role,
          name: file.path,
          location: file.path,
          size_bytes: file.size_bytes,
        }),
      ),
    ]),
    ...material.checkpoints.map(({ form, digest, size_bytes, files, path }) =>
      registered(digest, { form, kind: 'checkpoint', name: path, location: path, size_bytes, files }),
    ),
  ];
}

/** The last event of an import. A run whose rows break off has failed, and nothing says why. */
export function draftEnding(material: RunMaterial): Draft {
  const { facts, isFinished } = material;
  const own = facts.fresh();
  const ended = own.stated<string>('ended_at', '/occurred_at');
  const ending = (ids: Ids): Ending => ({ ...endingOf(material, ids), asserted: own.asserted });
  const made = isFinished
    ? draft('run.finished', ending)
    : draft('run.failed', (ids) => ({ error: null, exit_code: null, signal: null, ...ending(ids) }));
  return { ...made, occurred_at: ended };
}

function endingOf(material: RunMaterial, { attempt }: Ids): Omit<Ending, 'asserted'> {
  const { attempts, state, finalStep, lastStep } = material;
  const rows = attempts.at(-1)?.rows ?? [];
  const best = state?.best ?? null;
  const epochs = state?.file === 'trainer_state.json' ? state.epoch : null;
  return {
    attempt: attempt(attempts.length - 1),
    total_steps: attempts.at(-1)?.totalSteps ?? state?.maxSteps ?? null,
    completed_steps: countOrNull(lastStep),
    epochs_completed: epochs ?? rows.findLast(({ epoch }) => epoch !== null)?.epoch ?? null,
    active_seconds: activeSeconds(material),
    final_weights:
      finalStep === null || !Number.isSafeInteger(finalStep)
        ? null
        : { attempt: attempt(finalAttempt(material)), step: finalStep },
    best_checkpoint: best === null ? null : { step: best.step, path: best.path },
    producers: [],
  };
}

/** Time at work of all attempts: the trainer's own of the last one where it ended, else what the log says; null if one is unknown. */
function activeSeconds({ attempts, results }: RunMaterial): number | null {
  const summary = results.summary ?? attempts.at(-1)?.rows.findLast(({ kind }) => kind === 'summary');
  const last = numberOrNull(summary?.values['train_runtime']) ?? attempts.at(-1)?.elapsed_s ?? null;
  const before = attempts.slice(0, -1).map(({ elapsed_s }) => elapsed_s);
  return [...before, last].reduce((sum, seconds) => (sum === null || seconds === null ? null : sum + seconds), 0);
}

function typeOf({ config, adapter }: RunMaterial): string | null {
  const stated = config?.parameters['finetuning_type'];
  if (typeof stated === 'string' && /^[a-z0-9][a-z0-9._-]*$/.test(stated)) return stated;
  return adapter ? 'lora' : 'full';
}
