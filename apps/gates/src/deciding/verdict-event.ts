import { canonicalJson, derivedEventInput, derivedId } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { eventTypes, limits, type EventPayload, type SubmittedEvent } from '@runseal/contracts';
import { ENGINE, judge, judgeUnreadable } from '../engine/judge.js';
import type { InputRecord, RunToJudge } from './run-to-judge.js';

export type VerdictPayload = EventPayload<'run.gates-evaluated'>;
export type VerdictEvent = SubmittedEvent<'run.gates-evaluated'>;

/** Byte 0 of the ids that gates derive. */
export const GATES_ID_BYTE = 2;
const TYPE = 'run.gates-evaluated';

/**
 * Judges a run and makes the event that says so: a pure function of the records up to the trigger. The same trigger, policy and
 * engine give the same id and the same bytes, so whoever judges again finds the first receipt.
 */
export function verdictEventOf({ run, policy, policyInForce, input }: RunToJudge, trigger: InputRecord): VerdictEvent {
  const { overall, gates } = policy ? judge(policy, input) : judgeUnreadable();
  const stream = `run/${run}`;
  const { id: policyId, version, hash, record } = policyInForce;
  const source = { type: TYPE, stream, rule: 'gates', trigger: trigger.hash, policy: hash, engine: ENGINE, labels: [] };
  return {
    id: derivedId(GATES_ID_BYTE, derivedEventInput(source), sha256),
    type: TYPE,
    version: eventTypes[TYPE].version,
    stream,
    occurred_at: trigger.sealed_at,
    producer: null,
    payload: fitting({
      trigger: { seq: trigger.seq, hash: trigger.hash },
      position: trigger.seq,
      policy: { id: policyId, version, hash, seq: record?.seq ?? null },
      engine: ENGINE,
      overall,
      weights: input.weights && { attempt: input.weights.attempt, step: input.weights.step },
      gates: gates.map((gate) => ({ ...gate, inputs: [...gate.inputs] })),
    }),
  };
}

/** Whether two verdicts say the same of the same inputs; what made the gates judge does not count. */
export function isSameVerdict(one: VerdictPayload, other: VerdictPayload): boolean {
  const said = ({ trigger: _trigger, position: _position, ...rest }: VerdictPayload) => canonicalJson(rest);
  return said(one) === said(other);
}

/** What a verdict of very many gates leaves out, so that it can always be sealed. */
const CUTS = [
  { inputs: 20, explanation: 4_000 },
  { inputs: 0, explanation: 1_000 },
] as const;

function fitting(payload: VerdictPayload): VerdictPayload {
  const isTooLarge = (one: VerdictPayload) => Buffer.byteLength(canonicalJson(one)) > limits.payloadBytes;
  return CUTS.reduce(
    (so, { inputs, explanation }) =>
      isTooLarge(so)
        ? {
            ...so,
            gates: so.gates.map((gate) => ({
              ...gate,
              explanation: gate.explanation.slice(0, explanation).toWellFormed(),
              inputs: gate.inputs.slice(0, inputs),
            })),
          }
        : so,
    payload,
  );
}
