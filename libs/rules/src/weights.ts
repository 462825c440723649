import type { OutputFacts } from './material-facts.js';
import type { AttemptFacts, EvaluatedFacts, MaybeFact, RunFacts } from './run-facts.js';

/** The shape of chain's hash function. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export interface WeightsBehind {
  readonly attempt: string;
  readonly step: number;
  /** The attempts that they went through, the first first, `attempt` last. */
  readonly attempts: readonly string[];
}
export interface EvaluationSet {
  readonly kind: 'fixed' | 'split';
  /** sha256:<hex> */
  readonly digest: string;
  /** The record that tells of it. */
  readonly seq: number;
}

/**
 * Where the final weights come from: the ending's final_weights, and the attempts that led there. An attempt that the ending
 * does not name is the newest one that was at work at that step. Null where the run does not tell, or an attempt on the way
 * is not known: whatever depends on it is missing then.
 */
export function weightsBehind(facts: RunFacts): WeightsBehind | null {
  const told = facts.terminal?.final_weights?.value;
  if (!told || !facts.terminal) return null;
  const { step } = told;
  const last = told.attempt ?? facts.terminal.attempt ?? facts.attempts.at(-1)?.id;
  if (last === undefined) return null;
  const chain = chainTo(facts, last);
  if (!chain) return null;
  // Weights of step 200 are those of the attempt before, where this one went on from step 200.
  if (told.attempt === null) {
    while (chain.length > 1 && isBeforeStart(chain.at(-1) as AttemptFacts, step)) chain.pop();
  }
  const attempts = chain.map(({ id }) => id);
  return { attempt: attempts.at(-1) as string, step, attempts };
}

/** The attempts behind the final weights; while nothing names those, the attempts behind the newest one. Empty if unknown. */
export function attemptsBehind(facts: RunFacts): readonly string[] {
  const newest = facts.attempts.at(-1);
  return weightsBehind(facts)?.attempts ?? (newest && chainTo(facts, newest.id)?.map(({ id }) => id)) ?? [];
}

const isBeforeStart = ({ resumes }: AttemptFacts, step: number): boolean =>
  resumes !== null && resumes.step !== null && resumes.step >= step;

/** From the first attempt to the one named. One that resumes without saying from which goes on from the one before it. */
function chainTo({ attempts }: RunFacts, id: string): AttemptFacts[] | null {
  const chain: AttemptFacts[] = [];
  let index = attempts.findIndex((attempt) => attempt.id === id);
  for (;;) {
    const attempt = attempts[index];
    if (!attempt) return null;
    chain.unshift(attempt);
    if (!attempt.resumes) return chain;
    const from = attempt.resumes.attempt;
    const before = from === null ? index - 1 : attempts.findIndex((other) => other.id === from);
    if (before >= index) return null;
    index = before;
  }
}

/**
 * What the final weights were evaluated on. First what run.evaluated says of them; else the only evaluation set recorded as an
 * input; else the split that the parameters describe (GATES.md, G4). Null where that is unknown, not hashed or not unique.
 */
export function evaluationSetOf(facts: RunFacts, sha256: Sha256): EvaluationSet | null {
  const evaluated = findEvaluated(facts);
  if (evaluated) return identify(evaluated, sha256);
  const sets = facts.inputs.filter(({ kind, role }) => kind === 'dataset' && role === 'eval');
  if (sets.length > 0) {
    const [digest, ...others] = sets.map((set) => set.digest);
    if (!digest || others.some((other) => other?.value !== digest.value)) return null;
    return { kind: 'fixed', digest: digest.value, seq: digest.seq };
  }
  return splitOf(facts, sha256);
}

/** The newest that the trainer made of the final weights; else the newest that it made at all. */
function findEvaluated(facts: RunFacts): EvaluatedFacts | null {
  const weights = weightsBehind(facts);
  const own = facts.evaluated.filter(({ row }) => row !== null);
  const isOfFinal = (evaluated: EvaluatedFacts) =>
    weights !== null &&
    evaluated.weights?.step === weights.step &&
    (evaluated.weights.attempt ?? weights.attempt) === weights.attempt;
  return own.findLast(isOfFinal) ?? own.at(-1) ?? null;
}

function identify({ set, seq }: EvaluatedFacts, sha256: Sha256): EvaluationSet | null {
  if (set.kind === 'fixed') return set.digest === null ? null : { kind: 'fixed', digest: set.digest, seq };
  return set.split ? splitDigest(set.split, seq, sha256) : null;
}

function splitOf({ parameters, inputs, environment }: RunFacts, sha256: Sha256): EvaluationSet | null {
  const of = (name: string) => (Object.hasOwn(parameters, name) ? parameters[name]?.value : null) ?? null;
  const size = of('val_size');
  const training = inputs.filter(({ kind, role }) => kind === 'dataset' && role === 'train');
  const digest = training[0]?.digest;
  if (typeof size !== 'number' || !(size > 0) || training.length !== 1 || !digest) return null;
  const [seed, limit, template] = [of('seed') ?? environment.seed?.value, of('max_samples'), of('template')];
  const split = {
    training_digest: digest.value,
    val_size: size,
    seed: typeof seed === 'number' ? seed : null,
    max_samples: typeof limit === 'number' ? limit : null,
    template: typeof template === 'string' && template !== '' ? template : null,
  };
  return splitDigest(split, parameters['val_size']?.seq ?? digest.seq, sha256);
}

type Split = NonNullable<EvaluatedFacts['set']['split']>;

/** A split of unknown data has no identity: two of different data would be taken for one. */
function splitDigest(split: Split, seq: number, sha256: Sha256): EvaluationSet | null {
  if (split.training_digest === null) return null;
  const bytes = sha256(new TextEncoder().encode(splitText(split)));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { kind: 'split', digest: `sha256:${hex}`, seq };
}

/** "runseal.split.v1", a line feed and canonical JSON: members by name, as the schema of run.evaluated says. */
export const splitText = ({ max_samples, seed, template, training_digest, val_size }: Split): string =>
  `runseal.split.v1\n${JSON.stringify({ max_samples, seed, template, training_digest, val_size })}`;

/** The output that holds the final weights: the newest of role weights that is not merged from another, else the newest. */
export function weightsOutput({ outputs }: Pick<RunFacts, 'outputs'>): OutputFacts | null {
  const weights = outputs.filter(({ role }) => role === 'weights');
  return weights.findLast(({ type }) => type?.value !== 'merged') ?? weights.at(-1) ?? null;
}

/**
 * Whether the final weights hold finite numbers only: what the run's own principal said last, with the output or by assessing its
 * content. A single file of them that does not is enough for false. Null: nobody looked.
 */
export function tensorsFiniteOf(facts: RunFacts): MaybeFact<boolean> {
  const output = weightsOutput(facts);
  if (!output) return null;
  const own = facts.assessments.filter(({ by }) => by === facts.principal?.value);
  const files = new Set(output.files?.map(({ digest }) => digest));
  const broken = own.find(({ digest, tensors_finite }) => !tensors_finite.value && files.has(digest));
  if (broken) return broken.tensors_finite;
  const [said, assessed] = [output.tensors_finite, own.find(({ digest }) => digest === output.digest?.value)];
  return assessed && (!said || assessed.seq > said.seq) ? assessed.tensors_finite : said;
}
