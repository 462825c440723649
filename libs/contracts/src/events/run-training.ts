// What happens while a run trains.
import { defineEvent } from '../define-event.js';
import {
  asserted,
  closed,
  digest,
  eventId,
  finite,
  flag,
  integer,
  list,
  map,
  metricValue,
  nullable,
  oneOf,
  slug,
  text,
  time,
} from '../scalars.js';
import { Type } from 'typebox';

const attempt = eventId('the attempt: event id of its run.attempt-started');

const scalarTypes = ['string', 'number', 'boolean', 'null'];
type Scalar = string | number | boolean | null;
const parameterValue = Type.Unsafe<Scalar | Scalar[]>({
  type: [...scalarTypes, 'array'],
  maxLength: 16384,
  pattern: '^[^\\u0000]*$',
  maxItems: 1000,
  items: { type: scalarTypes, maxLength: 16384, pattern: '^[^\\u0000]*$' },
  description: 'a scalar or a list of scalars; deeper values are flattened with dots, what cannot be is JSON text',
});

export const runParametersRecorded = defineEvent({
  type: 'run.parameters-recorded',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose:
    'Parameters as the trainer resolved them. A later event adds to the earlier ones and wins where both name one.',
  payload: closed({
    attempt: nullable(attempt),
    parameters: map(parameterValue, 'name to value', { min: 1, max: 5000 }),
    asserted,
  }),
});

export const runMetricsLogged = defineEvent({
  type: 'run.metrics-logged',
  version: 1,
  class: 'metrics',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose:
    'Log rows of the trainer, kept whole, evaluation rows included. A row’s key is (run, attempt, kind, step, n); a client sends what 5 seconds or 200 points gather.',
  payload: closed({
    attempt,
    rows: list(
      closed(
        {
          kind: oneOf(['train', 'eval', 'summary'], 'what the row tells of'),
          step: nullable(finite('the trainer’s step; null in summary rows only')),
          n: integer('counts from 0 within (attempt, kind, step)'),
          at: nullable(time('when the trainer logged it')),
          epoch: nullable(finite('the trainer’s epoch')),
          values: map(metricValue('a finite number, "NaN", "Infinity" or "-Infinity"'), 'metric to value', {
            min: 1,
            max: 1000,
          }),
        },
        {
          if: { properties: { step: { type: 'null' } } },
          then: { properties: { kind: { const: 'summary' } } },
        },
      ),
      'in the order in which the trainer logged them',
      { min: 1, max: 1000 },
    ),
  }),
});

export const runEvaluated = defineEvent({
  type: 'run.evaluated',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose:
    'Says what an evaluation was made on: the set, the weights, the row in run.metrics-logged that holds the trainer’s numbers, and the task metrics with their scale.',
  payload: closed({
    row: nullable(
      closed(
        {
          attempt,
          kind: oneOf(['eval', 'summary'], 'the row’s kind'),
          step: nullable(finite('the row’s step')),
          n: integer('the row’s n'),
        },
        { description: 'key of the row with the trainer’s own metrics; null: evaluated outside the trainer' },
      ),
    ),
    weights: nullable(
      closed(
        {
          attempt: nullable(eventId('the attempt that made them')),
          step: nullable(integer('the step that they come from, which need not be the row’s')),
          digest: nullable(digest('their file or folder manifest')),
        },
        { description: 'the weights that were evaluated' },
      ),
    ),
    set: closed(
      {
        kind: oneOf(['fixed', 'split'], 'a set of its own, or a part split off the training data'),
        name: nullable(text('its name', 250)),
        version: nullable(text('its version', 250)),
        digest: nullable(
          digest(
            'its identity. fixed: the file or folder manifest. split: SHA-256 of "runseal.split.v1", a line feed and the canonical JSON of `split`',
          ),
        ),
        split: nullable(
          closed(
            {
              training_digest: nullable(digest('the training data that it was split off')),
              val_size: finite('share (below 1) or number of samples'),
              seed: nullable(integer('the seed of the split', -2147483648)),
              max_samples: nullable(integer('the limit on samples before the split')),
              template: nullable(text('the prompt template', 250)),
            },
            { description: 'what a split is made from; null for a set of its own' },
          ),
        ),
        samples: nullable(integer('samples evaluated')),
      },
      { description: 'the evaluation set' },
    ),
    task: nullable(slug('the task that the metrics belong to')),
    metrics: list(
      closed({
        name: text('rouge-1, exact_match, mmlu, human_score, ...', 250),
        value: metricValue('on the scale beside it'),
        scale: closed(
          { from: finite('worst or lowest value possible'), to: finite('highest value possible') },
          { description: 'the range of values: 0 to 1, 0 to 100, 1 to 5' },
        ),
        standard_error: nullable(finite('on the same scale')),
      }),
      'task metrics; empty where the row alone counts',
      { max: 200 },
    ),
    evaluator: nullable(
      closed(
        { name: text('what computed them', 250), version: nullable(text('its version', 100)) },
        { description: 'harness or implementation: two programs’ BLEU are two metrics' },
      ),
    ),
    raters: nullable(integer('people who gave the scores of a human evaluation')),
    after_training: nullable(flag('whether it came after the end of training, with the final weights')),
    asserted,
  }),
});

export const runCheckpointSaved = defineEvent({
  type: 'run.checkpoint-saved',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'Weights were saved in the course of training.',
  payload: closed({
    attempt,
    step: integer('the step whose weights they are'),
    epoch: nullable(finite('the trainer’s epoch')),
    path: nullable(text('where they lie', 4096)),
    digest: nullable(digest('the folder’s manifest or the file; null: not hashed')),
    size_bytes: nullable(integer('size of all files')),
    asserted,
  }),
});
