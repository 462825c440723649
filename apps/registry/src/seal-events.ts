import { eventTypes, Refusal, validateEvent, type Expectation, type SubmittedEvent } from '@runseal/contracts';
import { eventToSeal, type Receipt, type SealingDoor } from '@runseal/ledger';
import type { NewEvent } from './deciding/decide.js';
import { bindingOf, type FullStanding } from './deciding/standing.js';
import type { StandingRead } from './read-standing.js';

export interface Sealing {
  readonly model: string;
  readonly actor: string;
  /** Null: not told. */
  readonly occurred_at: string | null;
  readonly events: readonly NewEvent[];
  /** What the decision relied on. */
  readonly expect: readonly Expectation[];
}

/** Seals events on a model's stream, all or none. Throws a Refusal: `version_conflict` where what they rely on has moved on. */
export function sealEvents(door: Pick<SealingDoor, 'seal'>, sealing: Sealing): Promise<readonly Receipt[]> {
  const { model, actor, occurred_at, events, expect } = sealing;
  const toSeal = events.map((event, index) => eventToSeal(toSubmitted(event, model, occurred_at), { index }));
  return door.seal({ actor, expect, events: toSeal });
}

function toSubmitted({ id, type, payload }: NewEvent, model: string, occurred_at: string | null): SubmittedEvent {
  const { version } = eventTypes[type];
  const event = { id, type, version, stream: `model/${model}`, occurred_at, producer: null, payload } as SubmittedEvent;
  const fault = validateEvent(event);
  if (fault) throw new Error(`The registry made a ${type} that is none: ${fault.message}`, { cause: fault });
  return event;
}

/** The model's stream and the run's newest verdict: what every decision about a version relies on. */
export const expectationsOf = ({ standing, modelSeq }: StandingRead): Expectation[] => [
  { stream: `model/${standing.version.model}`, at: modelSeq },
  verdictExpectation(standing),
];

const verdictExpectation = (standing: FullStanding): Expectation => ({
  stream: `run/${standing.version.run}`,
  type: 'run.gates-evaluated',
  at: bindingOf(standing)?.seq ?? -1,
});

/** Where the stream is that a decision did not know yet; null where the error is something else. */
export function conflictOf(error: unknown): { readonly found: number } | null {
  if (!(error instanceof Refusal) || error.code !== 'version_conflict') return null;
  const found = error.detail['found'];
  return { found: typeof found === 'number' ? found : 0 };
}
