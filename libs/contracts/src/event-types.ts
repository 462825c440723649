import type { EventDefinition, PayloadOf, RetentionClass, SealingRole, StreamKind } from './define-event.js';
import { artifactAssessed, artifactRegistered, ledgerOpened, ledgerRestored } from './events/artifact-and-ledger.js';
import {
  policyBaselineSet,
  policyPublished,
  runGateOverridden,
  runGatesEvaluated,
  runLost,
  runWarningsAccepted,
} from './events/judgement.js';
import {
  modelApprovalGiven,
  modelApprovalRefused,
  modelStageChanged,
  modelTagsSet,
  modelTransitionRefused,
  modelTransitionRequested,
  modelVersionRegistered,
} from './events/registry.js';
import {
  runAttemptStarted,
  runEventsDropped,
  runFailed,
  runFinished,
  runKilled,
  runStarted,
} from './events/run-life.js';
import { runEnvironmentRecorded, runInputRecorded, runOutputRecorded } from './events/run-material.js';
import { runAnnotated, runCheckpointDeleted, runLogCaptured, runResourcesSampled } from './events/run-observed.js';
import { runCheckpointSaved, runEvaluated, runMetricsLogged, runParametersRecorded } from './events/run-training.js';

/** Every version of every event, old ones included: what was sealed under them must stay readable. */
const current = [
  runStarted,
  runAttemptStarted,
  runParametersRecorded,
  runMetricsLogged,
  runEvaluated,
  runCheckpointSaved,
  runCheckpointDeleted,
  runResourcesSampled,
  runLogCaptured,
  runAnnotated,
  runInputRecorded,
  runOutputRecorded,
  runEnvironmentRecorded,
  runEventsDropped,
  runFinished,
  runFailed,
  runKilled,
  runLost,
  runGatesEvaluated,
  runWarningsAccepted,
  runGateOverridden,
  policyPublished,
  policyBaselineSet,
  modelVersionRegistered,
  modelTagsSet,
  modelTransitionRequested,
  modelApprovalGiven,
  modelApprovalRefused,
  modelTransitionRefused,
  modelStageChanged,
  artifactRegistered,
  artifactAssessed,
  ledgerOpened,
  ledgerRestored,
] as const;

/** Definitions in the order of the documents. A version that is no longer current is added here and leaves `current`. */
export const definitions: readonly EventDefinition[] = [...current];

type Current = (typeof current)[number];

/** The types that exist. */
export type EventType = Current['type'];
/** The payload of a type's current version. */
export type EventPayload<Type extends EventType> = PayloadOf<Extract<Current, { type: Type }>>;

export interface EventTypeFacts {
  /** Current version. */
  readonly version: number;
  readonly class: RetentionClass;
  readonly streamKind: StreamKind;
  readonly sealedBy: SealingRole;
}

/** What the ledger's table of authority and the door must agree with, by type. */
export const eventTypes = Object.fromEntries(
  current.map(({ type, version, class: retention, streamKind, sealedBy }) => [
    type,
    { version, class: retention, streamKind, sealedBy },
  ]),
) as Readonly<Record<EventType, EventTypeFacts>>;

/** Whether a text names an event type that exists. */
export const isEventType = (type: string): type is EventType => Object.hasOwn(eventTypes, type);
