// How a run is judged: policies and baselines, verdicts, what people decide about them, and the lease that ran out.
import { Type } from 'typebox';
import { defineEvent } from '../define-event.js';
import {
  closed,
  digest,
  eventId,
  finite,
  flag,
  hash,
  integer,
  list,
  matched,
  metricValue,
  nullable,
  oneOf,
  patterns,
  slug,
  text,
  time,
  uuid,
} from '../scalars.js';

const seq = (description: string) => integer(description);
const gateId = matched('^[A-Za-z][A-Za-z0-9._-]{0,62}$', 'the gate: G1 to G6, or a name of the policy');

/** An input as it was compared: a number, one of the three strings of non-finite values, another text, a flag or null. */
const inputValue = (description: string) =>
  Type.Unsafe<number | string | boolean | null>({ type: ['number', 'string', 'boolean', 'null'], description });

const baselineUsed = closed(
  {
    metric: text('the metric compared', 250),
    value: metricValue('the baseline’s value'),
    seq: seq('the record that sets it: policy.baseline-set, or the one that makes another run the reference'),
  },
  { description: 'null: the gate compares with none, or none is set' },
);

export const runGatesEvaluated = defineEvent({
  type: 'run.gates-evaluated',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'gates',
  purpose:
    'The gates’ verdict on a run. A pure function of the records up to `position`, the policy and the engine; a later verdict supersedes it.',
  payload: closed({
    trigger: closed(
      { seq: seq('its seq'), hash: hash('its hash') },
      { description: 'the record that made the gates judge' },
    ),
    position: seq('the newest record that the verdict takes into account'),
    policy: closed(
      {
        id: matched(patterns.streamId, 'its id'),
        version: integer('number of its publication, from 1; 0: the built-in policy'),
        hash: hash('SHA-256 of its normalised form'),
        seq: nullable(seq('its policy.published record; null: the built-in policy')),
      },
      { description: 'the policy applied' },
    ),
    engine: text('name and version of the rules’ implementation', 100),
    overall: oneOf(['passed', 'warnings', 'blocked', 'overridden'], 'the verdict'),
    weights: nullable(
      closed(
        { attempt: eventId('the attempt that made them'), step: integer('the step that they come from') },
        { description: 'the final weights that were judged; null: the run does not tell' },
      ),
    ),
    gates: list(
      closed({
        id: gateId,
        name: slug('stability, convergence, generalization, baseline, task_quality, audit_completeness, ...'),
        severity: oneOf(['block', 'warn', 'info'], 'what a failure does'),
        verdict: oneOf(['pass', 'fail', 'missing', 'error', 'skipped'], 'the gate’s own verdict'),
        shadow: flag('judged and shown, but not counted'),
        explanation: text('the sentence that explains it, with the values put in', 4000),
        inputs: list(
          closed({
            name: text('what it is', 250),
            value: inputValue('as it was compared'),
            seq: nullable(seq('the record that it comes from; null: computed, or absent')),
          }),
          'what the gate looked at, shortened to what decides',
          { max: 200 },
        ),
        baseline: nullable(baselineUsed),
      }),
      'the gates in the policy’s order',
      { min: 1, max: 100 },
    ),
  }),
});

export const runLost = defineEvent({
  type: 'run.lost',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'gates',
  purpose: 'The attempt had sent heartbeats and stopped: its lease ran out. A new attempt brings the run back.',
  payload: closed({
    attempt: eventId('the attempt: event id of its run.attempt-started'),
    lease_s: integer('seconds that a heartbeat is good for', 1),
    leases_missed: integer('leases that passed without a heartbeat', 1),
  }),
});

export const runWarningsAccepted = defineEvent({
  type: 'run.warnings-accepted',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'gates',
  purpose: 'A person accepts the warnings of one verdict. A new verdict needs a new acceptance.',
  payload: closed({
    verdict: eventId('the run.gates-evaluated event'),
    verdict_hash: hash('hash of its record'),
    reason: text('why they are acceptable', 4000),
  }),
});

export const runGateOverridden = defineEvent({
  type: 'run.gate-overridden',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'gates',
  purpose: 'A person overrides one gate of one verdict, with a reason and an end. Never shown as passed.',
  payload: closed({
    verdict: eventId('the run.gates-evaluated event'),
    verdict_hash: hash('hash of its record'),
    gate: gateId,
    reason: text('why', 4000),
    expires_at: nullable(time('until when; null: as long as the verdict stands')),
  }),
});

export const policyPublished = defineEvent({
  type: 'policy.published',
  version: 1,
  class: 'permanent',
  streamKind: 'policy',
  sealedBy: 'gates',
  purpose: 'A policy comes into force: from this record on runs are judged by it.',
  payload: closed({
    version: integer('number of the publication in this stream, from 1', 1),
    source: text('the YAML as submitted', 65536),
    normalised: text('the long form as canonical JSON (RFC 8785)', 131072),
    hash: hash('SHA-256 of `normalised`'),
    reason: nullable(text('why it changed', 4000)),
  }),
});

export const policyBaselineSet = defineEvent({
  type: 'policy.baseline-set',
  version: 1,
  class: 'permanent',
  streamKind: 'policy',
  sealedBy: 'gates',
  purpose: 'What later runs for a model are compared with; the stream’s id is the model’s name.',
  payload: closed({
    model: matched(patterns.streamId, 'the model, as in the stream’s id'),
    run: nullable(uuid('the run that it was taken from; null: stated by the person')),
    values: list(
      closed({
        metric: text('the metric', 250),
        value: metricValue('its value; a task metric’s on the scale of the metric registry'),
        standard_error: nullable(finite('on the same scale; null: unknown')),
        evaluation_set: nullable(
          closed(
            {
              kind: oneOf(['fixed', 'split'], 'a data set of its own, or a part of the training data held out'),
              digest: digest('its identity: the set’s digest, or the digest of what determines the split'),
            },
            { description: 'what it was measured on, which may differ from metric to metric; null: unknown' },
          ),
        ),
        seq: nullable(seq('the record that it comes from; null: stated')),
      }),
      'the baseline’s metrics',
      { min: 1, max: 200 },
    ),
    reason: text('why it is the baseline', 4000),
  }),
});
