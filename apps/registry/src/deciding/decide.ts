import type { EventPayload } from '@runseal/contracts';
import type { RunFacts } from '@runseal/rules';
import { weightsOutput } from '@runseal/rules';
import { promote, unmetForCandidate, unmetForProduction, unmetForStaging, unmetOf } from './requirements.js';
import { bindingOf, involvementOf, type FullStanding, type Standing } from './standing.js';
import { openRequest, stageOf, type Stage, type Unmet } from './version-state.js';

export type RegistryEventType =
  | 'model.version-registered'
  | 'model.tags-set'
  | 'model.transition-requested'
  | 'model.approval-given'
  | 'model.approval-refused'
  | 'model.transition-refused'
  | 'model.stage-changed';
type EventOf<Type extends RegistryEventType> = {
  readonly id: string;
  readonly type: Type;
  readonly payload: EventPayload<Type>;
};
/** An event to be sealed on the model's stream. */
export type NewEvent = { [Type in RegistryEventType]: EventOf<Type> }[RegistryEventType];

/** The events that a command leads to, or everything that is in its way. */
export type Decision = { readonly events: readonly NewEvent[] } | { readonly unmet: readonly Unmet[] };

export interface Asker {
  readonly actor: string;
  readonly isPerson: boolean;
}

export interface RequestTransition extends Asker {
  /** For the request, and for the stage change where it comes at once. */
  readonly ids: readonly [string, string];
  readonly to: Stage;
  readonly reason: string;
}

/** Asks for a stage: Staging and Archived come at once, Production waits for approvals. */
export function requestTransition(standing: FullStanding, command: RequestTransition): Decision {
  const { to, reason, ids } = command;
  const { version } = standing;
  const from = stageOf(version);
  const unmet = unmetForRequest(standing, command);
  if (unmet.length > 0) return { unmet };
  const request = {
    id: ids[0],
    type: 'model.transition-requested',
    payload: { version: version.version, from, to, reason },
  } as const;
  if (to === 'Production') return { events: [request] };
  const verdict = to === 'Staging' ? bindingOf(standing) : null;
  const payload = { version: version.version, from, to, request: request.id, verdict, approvals: [], reason };
  return { events: [request, { id: ids[1], type: 'model.stage-changed', payload }] };
}

function unmetForRequest(standing: FullStanding, { to, isPerson }: RequestTransition): Unmet[] {
  const { version } = standing;
  const from = stageOf(version);
  const unmet: Unmet[] = [];
  if (!isPerson && (to === 'Production' || from === 'Production')) {
    unmet.push(unmetOf('person', 'a service', 'a person: services neither bring to Production nor take out of it'));
  }
  switch (to) {
    case 'None':
      return [...unmet, unmetOf('stage', from, 'another stage: no version goes back to None')];
    case 'Candidate':
      return [
        ...unmet,
        unmetOf('stage', from, 'the verdict: it alone makes a candidate'),
        ...unmetForCandidate(standing),
      ];
    case 'Staging':
      return [...unmet, ...unmetForStaging(standing)];
    case 'Archived':
      return from === 'Archived' ? [...unmet, unmetOf('stage', from, 'any stage before it')] : unmet;
    case 'Production': {
      const open = openRequest(version);
      const all = [...unmet, ...unmetForProduction(standing)];
      if (!open) return all;
      const command = `runseal approve ${version.model} ${version.version} --reason "..."`;
      return [...all, unmetOf('request', `${open.id} is open`, 'no open request for this version', command)];
    }
  }
}

export interface DecideRequest extends Asker {
  readonly id: string;
  /** Null: whichever is open. */
  readonly request: string | null;
  readonly approves: boolean;
  readonly meaning: string;
  readonly reason: string;
}

/** Approves or refuses the open request, in the name of a person. Anybody who may approve may refuse. */
export function decideRequest(standing: Standing, command: DecideRequest): Decision {
  const { version } = standing;
  const open = openRequest(version);
  const { actor, request, approves, meaning, reason, id } = command;
  if (!open || (request !== null && request !== open.id)) {
    const found = open ? `${open.id} is open` : 'none is open';
    const wanted = request === null ? 'an open request' : `the open request ${request}`;
    return { unmet: [unmetOf('request', found, wanted, open ? null : promote(version, 'Production'))] };
  }
  const unmet: Unmet[] = [];
  if (!command.isPerson) unmet.push(unmetOf('person', 'a service', 'a person'));
  if (approves) {
    const involvement = involvementOf(standing, open, actor);
    if (involvement) {
      const wanted = 'somebody who neither asked, started the run nor overrode a gate of it';
      unmet.push(unmetOf('independence', `${actor} ${involvement}`, wanted));
    }
    const isRepeated = open.decisions.some((decision) => decision.is_given && decision.actor === actor);
    if (isRepeated) unmet.push(unmetOf('approvals', `${actor} has approved it`, 'another person'));
    unmet.push(...unmetForCandidate(standing));
  }
  if (unmet.length > 0) return { unmet };
  const payload = {
    ...{ version: version.version, request: open.id, artifact: version.artifact.digest },
    ...{ verdict: bindingOf(standing), meaning, reason },
  };
  return { events: [{ id, type: approves ? 'model.approval-given' : 'model.approval-refused', payload }] };
}

/** What is kept of a transition that was refused. */
export function refuseTransition(
  { version }: Pick<Standing, 'version'>,
  refusal: { id: string; to: Stage; request: string | null; reason: string | null; unmet: readonly Unmet[] },
): NewEvent {
  const { id, to, request, reason, unmet } = refusal;
  const payload = { version: version.version, from: stageOf(version), to, request, reason, unmet: unmet.slice(0, 200) };
  return { id, type: 'model.transition-refused', payload };
}

export interface RegisterRun {
  readonly id: string;
  /** The number of the new version. */
  readonly version: number;
  /** The record with which the run was finished. */
  readonly trigger: { readonly seq: number; readonly hash: string };
}

/** Takes a finished run in as a version. Its final weights may be unknown; it then never comes to Production. */
export function registerRun(facts: RunFacts, { id, version, trigger }: RegisterRun): Decision {
  const { state, run_id } = facts;
  if (state !== 'finished' || run_id === null) {
    return { unmet: [unmetOf('run_finished', `the run is ${state}`, 'a run that finished')] };
  }
  const weights = weightsOutput(facts);
  const artifact = {
    digest: weights?.digest?.value ?? null,
    path: weights?.path?.value ?? null,
    type: weights?.type?.value ?? null,
  };
  return { events: [{ id, type: 'model.version-registered', payload: { version, run: run_id, trigger, artifact } }] };
}
