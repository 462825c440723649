// What is seen of a run from beside: its machine, its output text, its folder, and what people or clients note.
import { Type } from 'typebox';
import { defineEvent } from '../define-event.js';
import {
  closed,
  digest,
  eventId,
  finite,
  integer,
  list,
  matched,
  nullable,
  oneOf,
  patterns,
  text,
  time,
} from '../scalars.js';

const attempt = eventId('the attempt: event id of its run.attempt-started');

/** Any number, so that a blank such as DCGM's 9223372036854775794 is sealed as read; readers treat it as a gap. */
const reading = (description: string) => nullable(finite(`${description}, as the driver tells it`));

export const runResourcesSampled = defineEvent({
  type: 'run.resources-sampled',
  version: 1,
  class: 'telemetry',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose:
    'Readings of the machine that trains. One outside the range of its metric is a gap to whoever reads it, not a value.',
  payload: closed({
    attempt,
    samples: list(
      closed({
        at: nullable(time('when it was read')),
        host: nullable(text('the machine’s name', 250)),
        cpu_percent: nullable(finite('share of all cores in use, 0 to 100')),
        ram_used_bytes: nullable(integer('memory in use on the machine')),
        ram_total_bytes: nullable(integer('memory of the machine')),
        disk_free_bytes: nullable(integer('free where the run writes its outputs')),
        process_rss_bytes: nullable(integer('memory resident for the training process')),
        gpus: list(
          closed({
            index: integer('its number on the machine'),
            name: nullable(text('its name', 250)),
            utilization_percent: reading('share of time in which it computed, 0 to 100'),
            memory_used_bytes: reading('memory in use'),
            memory_total_bytes: reading('memory that it has'),
            temperature_celsius: reading('temperature'),
            power_watts: reading('power'),
          }),
          'the GPUs that the client sees; empty where there is none',
          { max: 64 },
        ),
      }),
      'in the order in which they were read',
      { min: 1, max: 100 },
    ),
  }),
});

export const runLogCaptured = defineEvent({
  type: 'run.log-captured',
  version: 1,
  class: 'logs',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose:
    'A piece of what the training process printed, secrets masked. The text lies elsewhere; its digest is sealed.',
  payload: closed({
    attempt: nullable(attempt),
    source: oneOf(['stdout', 'stderr'], 'where it was printed'),
    chunk: integer('counts from 0 within (attempt, source)'),
    digest: digest('the text’s, as masked'),
    size_bytes: integer('its size'),
    lines: integer('its lines'),
    masked: integer('secrets that were masked in it'),
    location: nullable(text('path or address at which the text lies', 4096)),
  }),
});

export const runCheckpointDeleted = defineEvent({
  type: 'run.checkpoint-deleted',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose: 'Weights that were saved in the course of training are no longer where they were: rotated away, mostly.',
  payload: closed({
    attempt: eventId('the attempt in whose course they went, which need not have saved them'),
    step: integer('the step whose weights they were'),
    path: nullable(text('where they lay', 4096)),
  }),
});

export const runAnnotated = defineEvent({
  type: 'run.annotated',
  version: 1,
  class: 'permanent',
  streamKind: 'run',
  sealedBy: 'ingest',
  purpose:
    'A remark about the run, of a client or a person, shown beside it. A later one of the same name replaces the earlier one and erases nothing.',
  payload: closed({
    attempt: nullable(attempt),
    name: matched(patterns.annotation, 'nan_inf_filter, raw_loss, stop_requested, config_masked, preflight, ...'),
    text: nullable(text('what is remarked', 16384)),
    value: Type.Unsafe<string | number | boolean | null>({
      type: ['string', 'number', 'boolean', 'null'],
      maxLength: 16384,
      pattern: patterns.text,
      description: 'the same as a value, where it has one',
    }),
  }),
});
