import { hash } from 'node:crypto';
import { canonicalJson, derivedId, importedEventInput, importedRunInput } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import type { SubmittedEvent } from '@runseal/contracts';
import type { Draft, Ids } from './draft.js';
import { draftEvaluations } from './draft-evaluations.js';
import { draftInputArtifacts, draftInputs, inputsOf } from './draft-inputs.js';
import { draftCheckpoints, draftEnding, draftOutcomeArtifacts, draftOutputs } from './draft-outcome.js';
import { draftAttempt, draftEnvironment, draftParameters, draftStart } from './draft-start.js';
import { numberRows, rowPayload } from './number-rows.js';
import { digestOf, type RunMaterial } from './read-run.js';

/** The run's id: the same principal's import of the same first row under the same configuration is the same run. */
export function importedRunId({ firstRow, config }: RunMaterial, principal: string): string {
  return derivedId(1, importedRunInput(principal, digestOf(firstRow), config?.digest ?? null), sha256);
}

/**
 * The events of an import, in the order in which they are sealed: what began, what went in, every digest, the rows, what came
 * out, and the end last. Pure: the same material gives the same events, ids included. `sealedAttempts` are the ids of the
 * attempts that are in the ledger already, in order: those are not begun a second time.
 */
export function buildEvents(
  material: RunMaterial,
  run: string,
  sealedAttempts: readonly string[] = [],
): SubmittedEvent[] {
  const { attempts } = material;
  const begun: SubmittedEvent[] = [];
  const attemptIds = [...sealedAttempts.slice(0, attempts.length)];
  const ids: Ids = {
    run,
    attempt: (index) => {
      const id = attemptIds[index];
      if (id === undefined) throw new Error(`attempt ${index} has no id yet`);
      return id;
    },
  };
  for (let index = attemptIds.length; index < attempts.length; index++) {
    const event = toEvent(draftAttempt(material, index) as unknown as Draft, ids);
    begun.push(event);
    attemptIds.push(event.id);
  }
  const inputs = inputsOf(material);
  const rows = numberRows(material);
  const parameters = draftParameters(material);
  const before = [
    ...(parameters ? [parameters] : []),
    ...draftInputs(inputs),
    draftEnvironment(material),
    ...draftInputArtifacts(inputs, material),
    ...draftOutcomeArtifacts(material),
  ];
  const after = [
    ...draftCheckpoints(material),
    ...draftOutputs(material),
    ...draftEvaluations(material, inputs, rows),
    draftEnding(material),
  ];
  const start = toEvent(draftStart(material) as unknown as Draft, ids);
  const events = [
    start,
    ...begun,
    ...before.map((one) => toEvent(one, ids)),
    ...rows.map((row) => metricsEvent(run, rowPayload(row, ids.attempt(row.attempt)))),
    ...after.map((one) => toEvent(one, ids)),
  ];
  // Two files with the same bytes at the same place are one sighting.
  return [...new Map(events.map((event) => [event.id, event])).values()];
}

function toEvent({ type, artifact, occurred_at, payload }: Draft, ids: Ids): SubmittedEvent {
  const stream = artifact === undefined ? `run/${ids.run}` : `artifact/${artifact}`;
  const body = payload(ids);
  return {
    id: eventId(ids.run, type, stream, body),
    type,
    version: 1,
    stream,
    occurred_at,
    producer: null,
    payload: body,
  };
}

function metricsEvent(run: string, payload: SubmittedEvent<'run.metrics-logged'>['payload']): SubmittedEvent {
  const [type, stream] = ['run.metrics-logged' as const, `run/${run}`];
  return {
    id: eventId(run, type, stream, payload),
    type,
    version: 1,
    stream,
    occurred_at: null,
    producer: null,
    payload,
  };
}

function eventId(run: string, type: string, stream: string, payload: object): string {
  const digest = hash('sha256', canonicalJson(payload), 'hex');
  return derivedId(1, importedEventInput(run, type, stream, digest), sha256);
}
