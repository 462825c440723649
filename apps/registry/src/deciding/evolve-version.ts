import type { EventPayload, EventType } from '@runseal/contracts';
import type { RunEvent } from '@runseal/rules';
import {
  KEPT_MAX,
  openRequest,
  type RequestEntry,
  type RequestOutcome,
  type Sealed,
  type StageEntry,
  type TagEntry,
  type VersionState,
} from './version-state.js';

type Told<Type extends EventType> = RunEvent<Type> & { readonly payload: EventPayload<Type> };
type Registered = Told<'model.version-registered'>;

/** The version that a record of a model's stream is about; null where it is about none, or its payload is gone. */
export function versionOf({ stream, payload }: Pick<RunEvent, 'stream' | 'payload'>): number | null {
  if (!stream.startsWith('model/') || payload === null || !('version' in payload)) return null;
  return typeof payload.version === 'number' ? payload.version : null;
}

/**
 * What is known of a version after one more record of its model's stream that is about it. Null stays null until the version
 * is registered; a second registration changes nothing. Total over every event that fits its schema, in any order.
 */
export function evolveVersion(state: VersionState | null, event: RunEvent): VersionState | null {
  if (event.payload === null) return state;
  if (!state) return event.type === 'model.version-registered' ? register(event as Registered) : null;
  if (event.seq <= state.seq) return state;
  return { ...state, ...changeOf(state, event as Told<EventType>), seq: event.seq };
}

type Change = Partial<VersionState>;

function changeOf(state: VersionState, event: Told<EventType>): Change {
  switch (event.type) {
    case 'model.tags-set':
      return { tags: setTags(state.tags, event as Told<'model.tags-set'>) };
    case 'model.transition-requested':
      return addRequest(state, event as Told<'model.transition-requested'>);
    case 'model.approval-given':
    case 'model.approval-refused':
      return addDecision(state, event as Told<'model.approval-given'>, event.type === 'model.approval-given');
    case 'model.transition-refused':
      return addRefusal(state, event as Told<'model.transition-refused'>);
    case 'model.stage-changed':
      return moveTo(state, event as Told<'model.stage-changed'>);
    default:
      return {};
  }
}

function register(event: Registered): VersionState {
  const { stream, seq, payload } = event;
  const { version, run, artifact } = payload;
  const entry = { stage: 'None', since_seq: seq, until_seq: null, at: event.sealed_at, actor: event.actor } as const;
  return {
    ...{ model: stream.slice('model/'.length), version, run, artifact, registered: sealedOf(event), seq },
    stages: [{ ...entry, request: null, verdict: null, approvals: [], reason: null }],
    ...{ requests: [], refusals: [], refusals_total: 0, tags: {} },
  };
}

const sealedOf = ({ id, seq, actor, sealed_at }: RunEvent): Sealed => ({ id, seq, actor, at: sealed_at });

const kept = <Item>(list: readonly Item[], item: Item): readonly Item[] => [...list, item].slice(-KEPT_MAX);

function setTags(
  tags: Readonly<Record<string, TagEntry>>,
  { seq, actor, payload }: Told<'model.tags-set'>,
): Readonly<Record<string, TagEntry>> {
  const changed = new Map(Object.entries(tags));
  for (const [name, value] of Object.entries(payload.tags)) {
    if (value === null) changed.delete(name);
    else if (changed.has(name) || changed.size < KEPT_MAX) changed.set(name, { value, seq, actor });
  }
  return Object.fromEntries([...changed].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A new request takes the place of one that was open. */
function addRequest(state: VersionState, event: Told<'model.transition-requested'>): Change {
  const { from, to, reason } = event.payload;
  const request: RequestEntry = {
    ...sealedOf(event),
    ...{ from, to, reason, outcome: 'open', closed_seq: null, decisions: [] },
  };
  return { requests: kept(close(state, 'overtaken', event.seq), request) };
}

/** The requests with the open one closed. */
function close(state: VersionState, outcome: RequestOutcome, seq: number): readonly RequestEntry[] {
  const open = openRequest(state);
  return open ? state.requests.with(-1, { ...open, outcome, closed_seq: seq }) : state.requests;
}

/** Only the open request takes decisions. */
function addDecision(state: VersionState, event: Told<'model.approval-given'>, is_given: boolean): Change {
  const { request, artifact, verdict, meaning, reason } = event.payload;
  const open = openRequest(state);
  if (open?.id !== request) return {};
  const decision = { ...sealedOf(event), is_given, artifact, verdict, meaning, reason };
  const closing = is_given ? {} : ({ outcome: 'refused', closed_seq: event.seq } as const);
  const decided = { ...open, ...closing, decisions: kept(open.decisions, decision) };
  return { requests: state.requests.with(-1, decided) };
}

function addRefusal(state: VersionState, event: Told<'model.transition-refused'>): Change {
  const { from, to, request, reason, unmet } = event.payload;
  const refusal = { ...sealedOf(event), from, to, request, reason, unmet };
  const isOfOpen = request !== null && openRequest(state)?.id === request;
  return {
    refusals: kept(state.refusals, refusal),
    refusals_total: state.refusals_total + 1,
    ...(isOfOpen ? { requests: close(state, 'refused', event.seq) } : {}),
  };
}

function moveTo(state: VersionState, event: Told<'model.stage-changed'>): Change {
  const { to, request, verdict, approvals, reason } = event.payload;
  const before = state.stages.at(-1) as StageEntry;
  const entry: StageEntry = {
    ...{ stage: to, since_seq: event.seq, until_seq: null, at: event.sealed_at, actor: event.actor },
    ...{ request, verdict, approvals, reason },
  };
  const isGranted = request !== null && openRequest(state)?.id === request;
  return {
    stages: kept(state.stages.with(-1, { ...before, until_seq: event.seq }), entry),
    requests: close(state, isGranted ? 'granted' : 'overtaken', event.seq),
  };
}
