// A run's beginning, its attempts and its end.
import { defineEvent } from '../define-event.js';
import {
  asserted,
  closed,
  eventId,
  finite,
  integer,
  list,
  map,
  matched,
  nullable,
  oneOf,
  patterns,
  slug,
  text,
  time,
  uuid,
} from '../scalars.js';

const attempt = nullable(eventId('the attempt: event id of its run.attempt-started'));

export const runStarted = defineEvent({
  type: 'run.started',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'A run begins; `occurred_at` is its start. Its principal owns the run.',
  payload: closed({
    experiment: text('the experiment that the run belongs to; the experiment_id of the audit record', 250),
    name: nullable(text('what people call the run', 250)),
    target_model: nullable(
      matched(patterns.streamId, 'the model that the result is meant for; null: the experiment names it'),
    ),
    tasks: nullable(
      list(slug('qa, summarization, translation, general, chat, or a name that the policy knows'), 'declared tasks', {
        max: 20,
      }),
    ),
    objective: nullable(slug('what is optimised, in the trainer’s short word: pt, sft, rm, ppo, dpo, kto, orpo, grpo')),
    trainer: nullable(
      closed(
        { name: slug('llama_factory, transformers, trl, axolotl, ...'), version: nullable(text('its version', 100)) },
        { description: 'the program that trains' },
      ),
    ),
    recorded: oneOf(['live', 'afterwards'], 'whether the run was recorded while it went on or read in later'),
    expected_samples_per_second: nullable(finite('the throughput that the run declares as expected')),
    tags: map(text('value', 5000, 0), 'labels; they decide nothing', { max: 200 }),
    asserted,
  }),
});

export const runAttemptStarted = defineEvent({
  type: 'run.attempt-started',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'One process begins its go at the run. Every run has at least one; the id of this event names the attempt.',
  payload: closed({
    resumes: nullable(
      closed(
        {
          attempt: nullable(eventId('the attempt that it goes on from')),
          step: nullable(integer('the step of the weights that it goes on from')),
        },
        { description: 'null: from the start, or from weights of another run (an input)' },
      ),
    ),
    total_steps: nullable(integer('steps that the trainer plans')),
    total_epochs: nullable(finite('epochs that the trainer plans')),
    processes: nullable(integer('training processes (world size)', 1)),
    asserted,
  }),
});

const ending = {
  attempt,
  total_steps: nullable(integer('steps that were planned')),
  completed_steps: nullable(integer('steps that were done; the number of the last one')),
  epochs_completed: nullable(finite('epochs that were done')),
  active_seconds: nullable(finite('time in which a process was at work, without the pauses between attempts')),
  final_weights: nullable(
    closed(
      {
        attempt: nullable(eventId('the attempt that made them')),
        step: integer('the step that they come from: the best checkpoint’s where the trainer loads that at the end'),
      },
      { description: 'where the final weights come from; gates judge the metrics of that step' },
    ),
  ),
  best_checkpoint: nullable(
    closed(
      { step: nullable(integer('its step')), path: nullable(text('where it lay', 4096)) },
      { description: 'the checkpoint that the trainer names as best' },
    ),
  ),
  producers: list(
    closed({
      id: uuid('a producer of this run'),
      count: integer('events that it has counted, this one included where it is its own', 1),
    }),
    'all producers of the run that the sender knows; empty: the run is not judged by counters',
    { max: 4096 },
  ),
  asserted,
};

export const runFinished = defineEvent({
  type: 'run.finished',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'The run came to its planned end; `occurred_at` is that moment.',
  payload: closed(ending),
});

export const runFailed = defineEvent({
  type: 'run.failed',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'The run broke off by itself: an exception, an exit code, a signal that nobody sent on purpose.',
  payload: closed({
    error: nullable(
      closed(
        {
          type: nullable(text('the exception’s class', 250)),
          message: nullable(text('what it says, shortened by the client', 4000)),
        },
        { description: 'what went wrong' },
      ),
    ),
    exit_code: nullable(integer('exit code of the training process', -2147483648)),
    signal: nullable(matched('^SIG[A-Z0-9+-]{1,20}$', 'signal that ended the training process')),
    ...ending,
  }),
});

export const runKilled = defineEvent({
  type: 'run.killed',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose:
    'The run was ended on purpose from outside: a person, a scheduler, a signal of somebody who wanted it to stop.',
  payload: closed({
    signal: nullable(matched('^SIG[A-Z0-9+-]{1,20}$', 'signal that ended the training process')),
    reason: nullable(text('why, as far as the recorder was told', 4000)),
    ...ending,
  }),
});

export const runEventsDropped = defineEvent({
  type: 'run.events-dropped',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose:
    'Declares what is not in the ledger: what a full spool did not accept (never counted by the producer), and accepted events that the door refused for themselves and the client set aside. A client that gave up neither does not send it.',
  payload: closed({
    attempt,
    not_accepted: list(
      closed({
        class: oneOf(['metrics', 'telemetry', 'logs'], 'retention class; lifecycle is always accepted'),
        count: integer('metric rows, else events, that the spool refused since the last such declaration', 1),
        first_at: nullable(time('the first refusal')),
        last_at: nullable(time('the last refusal')),
      }),
      'refusals of the spool at its limit, counted; at most one item a class',
      { max: 3 },
    ),
    set_aside: list(
      closed({
        id: eventId('the event'),
        type: matched(patterns.eventType, 'its type'),
        producer: nullable(
          closed(
            { id: uuid('its producer'), seq: integer('the counter that is thereby accounted for') },
            { description: 'null where the event had none' },
          ),
        ),
        code: matched(patterns.refusalCode, 'the refusal’s code'),
      }),
      'accepted events that the door refused for themselves',
      { max: 1000 },
    ),
  }),
});
