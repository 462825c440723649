import type { EventPayload, EventType } from '@runseal/contracts';
import type { RunEvent } from './run-event.js';
import type { Fault, FaultKind, LimitedFact, MaybeFact, RunFacts } from './run-facts.js';
import { factsLimits } from './run-facts.js';

/** A shallow copy under way: its members are replaced, what they hold is never changed. */
export type Draft = { -readonly [Member in keyof RunFacts]: RunFacts[Member] };

/** An event whose payload is there. */
export type Told<Type extends EventType> = RunEvent<Type> & { readonly payload: EventPayload<Type> };

interface Source {
  readonly seq: number;
  readonly payload: { readonly asserted: readonly string[] };
}

/** A value of an event's payload as a fact; null stays null. `pointer` is its place in the event as submitted. */
export function fact<Value>(event: Source, pointer: string, value: Value | null): MaybeFact<Value> {
  if (value === null) return null;
  const { asserted } = event.payload;
  return asserted.length > 0 && covers(asserted, pointer)
    ? { value, seq: event.seq, asserted: true }
    : { value, seq: event.seq };
}

const covers = (asserted: readonly string[], pointer: string): boolean =>
  asserted.some((stated) => pointer === stated || pointer.startsWith(`${stated}/`));

/** A member's name as a JSON pointer has it (RFC 6901). */
export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

export interface FaultFound {
  readonly kind: FaultKind;
  readonly subject?: string | null;
  readonly words: string;
  readonly count?: number;
}

/** Adds to the fault of that kind and subject, or begins it; beyond the limit it is counted only. */
export function addFault(draft: Draft, { seq }: Pick<RunEvent, 'seq'>, found: FaultFound): void {
  const { kind, subject = null, words, count = 1 } = found;
  draft.faults_total += count;
  const index = draft.faults.findIndex((fault) => fault.kind === kind && fault.subject === subject);
  if (index === -1) {
    if (draft.faults.length >= factsLimits.faults) return;
    draft.faults = [...draft.faults, { kind, subject, seq, last_seq: seq, count, words }];
    return;
  }
  const before = draft.faults[index] as Fault;
  draft.faults = draft.faults.with(index, { ...before, last_seq: seq, count: before.count + count });
}

/** Says that facts are not kept. */
export function leaveOut(draft: Draft, event: Pick<RunEvent, 'seq'>, what: LimitedFact, count = 1): void {
  draft.left_out = { ...draft.left_out, [what]: (draft.left_out[what] ?? 0) + count };
  const words = `more than ${factsLimits[what].toLocaleString('en')} ${limitWords[what]}: not all are kept`;
  addFault(draft, event, { kind: 'limit_reached', subject: what, words, count });
}

const limitWords: Readonly<Record<LimitedFact, string>> = {
  attempts: 'attempts',
  endings: 'endings',
  checkpoints: 'checkpoints',
  checkpointsDeleted: 'deleted checkpoints',
  inputs: 'inputs',
  outputs: 'outputs',
  outputFiles: 'files of outputs',
  evaluated: 'evaluations with their set',
  parameters: 'parameters',
  parametersChars: 'characters of parameters',
  tags: 'tags',
  versions: 'versions of packages',
  variables: 'environment variables',
  metricKeys: 'metric names',
  producers: 'producers',
  producerRanges: 'gaps in a producer’s counters',
  setAside: 'events set aside',
  overrides: 'overrides',
  annotations: 'annotations',
  assessments: 'assessments of weights',
  faults: 'faults',
};

/** The list with one more; the oldest leave it at the limit, so that the newest state is always known. */
export function append<Item>(
  draft: Draft,
  event: Pick<RunEvent, 'seq'>,
  what: LimitedFact,
  [list, item]: readonly [readonly Item[], Item],
): readonly Item[] {
  if (list.length < factsLimits[what]) return [...list, item];
  leaveOut(draft, event, what);
  return [...list.slice(1), item];
}
