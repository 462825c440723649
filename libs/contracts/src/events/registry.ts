// A model's versions, their stages, and who let them in. The stream is model/<name>.
import { defineEvent } from '../define-event.js';
import { closed, digest, eventId, hash, integer, list, map, nullable, oneOf, slug, text, uuid } from '../scalars.js';

const stages = ['None', 'Candidate', 'Staging', 'Production', 'Archived'] as const;
const stage = (description: string) => oneOf(stages, description);
const version = integer('the version, from 1', 1);
const verdict = closed(
  { id: eventId('the run.gates-evaluated event'), seq: integer('its seq'), hash: hash('hash of its record') },
  { description: 'the verdict relied on; null: none is needed' },
);

export const modelVersionRegistered = defineEvent({
  type: 'model.version-registered',
  version: 1,
  class: 'permanent',
  streamKind: 'model',
  sealedBy: 'registry',
  purpose: 'A finished run’s outputs become a version of the model, at stage None. One version a run.',
  payload: closed({
    version,
    run: uuid('the run that made it'),
    trigger: closed(
      { seq: integer('its seq'), hash: hash('its hash') },
      { description: 'the record with which the run was finished and had outputs' },
    ),
    artifact: closed(
      {
        digest: nullable(digest('the final weights; null: they were not hashed')),
        path: nullable(text('where they lay', 4096)),
        type: nullable(slug('lora, full, merged, ...')),
      },
      { description: 'the final weights' },
    ),
  }),
});

export const modelTagsSet = defineEvent({
  type: 'model.tags-set',
  version: 1,
  class: 'permanent',
  streamKind: 'model',
  sealedBy: 'registry',
  purpose: 'What a person says of a version. A later event replaces the values of the names that it carries.',
  payload: closed({
    version,
    tags: map(
      nullable(text('value; null takes the tag away', 5000)),
      'owner, intended_use, risk_class, personal_data, or any other name',
      { min: 1, max: 100 },
    ),
  }),
});

export const modelTransitionRequested = defineEvent({
  type: 'model.transition-requested',
  version: 1,
  class: 'permanent',
  streamKind: 'model',
  sealedBy: 'registry',
  purpose: 'Somebody asks for a stage; this event’s id names the request.',
  payload: closed({
    version,
    from: stage('the stage now'),
    to: stage('the stage asked for'),
    reason: text('why', 4000),
  }),
});

const decision = {
  version,
  request: eventId('the model.transition-requested event'),
  artifact: nullable(digest('the version’s final weights, which the decision binds')),
  verdict: nullable(verdict),
  meaning: text('what the signature means: review, approval, responsibility, ...', 250),
  reason: text('why', 4000),
};

export const modelApprovalGiven = defineEvent({
  type: 'model.approval-given',
  version: 1,
  class: 'permanent',
  streamKind: 'model',
  sealedBy: 'registry',
  purpose: 'A person approves one request. It binds request, artifact and verdict: a new verdict voids it.',
  payload: closed(decision),
});

export const modelApprovalRefused = defineEvent({
  type: 'model.approval-refused',
  version: 1,
  class: 'permanent',
  streamKind: 'model',
  sealedBy: 'registry',
  purpose: 'A person says no to one request, which is thereby closed.',
  payload: closed(decision),
});

export const modelTransitionRefused = defineEvent({
  type: 'model.transition-refused',
  version: 1,
  class: 'permanent',
  streamKind: 'model',
  sealedBy: 'registry',
  purpose: 'A stage was asked for and requirements were unmet. Kept, because who tried what is part of the story.',
  payload: closed({
    version,
    from: stage('the stage now'),
    to: stage('the stage asked for'),
    request: nullable(eventId('the request; null: refused at once')),
    reason: nullable(text('the asker’s reason', 4000)),
    unmet: list(
      closed({
        requirement: slug('which one: verdict, run_finished, approvals, compliance, ...'),
        found: text('what was found', 2000),
        wanted: text('what is required', 2000),
        command: nullable(text('the command that would meet it; null: none would', 1000)),
      }),
      'every unmet requirement',
      { min: 1, max: 200 },
    ),
  }),
});

export const modelStageChanged = defineEvent({
  type: 'model.stage-changed',
  version: 1,
  class: 'permanent',
  streamKind: 'model',
  sealedBy: 'registry',
  purpose:
    'A version is at another stage. To Production only with two approvals of `request` on this stream, which the database itself checks.',
  payload: closed({
    version,
    from: stage('the stage before'),
    to: stage('the stage from now on'),
    request: nullable(eventId('the request; null: the registry moved it by the verdict')),
    verdict: nullable(verdict),
    approvals: list(eventId('a model.approval-given event'), 'the approvals relied on', { max: 20 }),
    reason: nullable(text('why', 4000)),
  }),
});
