// Start, attempts, endings: from them comes the run's state.
import { addFault, append, fact, leaveOut, type Draft, type Told } from './draft.js';
import { expectCounter, seeDeclared } from './producers.js';
import type { EndingFacts, EndingType, RunState } from './run-facts.js';
import { factsLimits } from './run-facts.js';

const stateOf: Readonly<Record<EndingType, RunState>> = {
  'run.finished': 'finished',
  'run.failed': 'failed',
  'run.killed': 'killed',
  'run.lost': 'lost',
};

/** The first start stays; another is a fault. */
export function foldStart(draft: Draft, event: Told<'run.started'>): void {
  if (draft.started) {
    addFault(draft, event, { kind: 'started_twice', words: 'there is another run.started; the first one counts' });
    return;
  }
  const { payload, seq } = event;
  const tags = Object.entries(payload.tags);
  draft.started = {
    seq,
    at: fact(event, '/occurred_at', event.occurred_at),
    experiment: fact(event, '/payload/experiment', payload.experiment) ?? { value: payload.experiment, seq },
    name: fact(event, '/payload/name', payload.name),
    target_model: fact(event, '/payload/target_model', payload.target_model),
    tasks: fact(event, '/payload/tasks', payload.tasks),
    objective: fact(event, '/payload/objective', payload.objective),
    trainer_name: fact(event, '/payload/trainer/name', payload.trainer?.name ?? null),
    trainer_version: fact(event, '/payload/trainer/version', payload.trainer?.version ?? null),
    recorded: { value: payload.recorded, seq },
    expected_samples_per_second: fact(
      event,
      '/payload/expected_samples_per_second',
      payload.expected_samples_per_second,
    ),
    tags: Object.fromEntries(tags.slice(0, factsLimits.tags)),
  };
  if (draft.state_seq === draft.first_seq && draft.terminal === null) draft.state_seq = seq;
  draft.faults = draft.faults.map((fault) =>
    fault.kind === 'unknown_run'
      ? { ...fault, kind: 'before_start', words: `records stand before the run’s start at ${seq}` }
      : fault,
  );
}

export function foldAttempt(draft: Draft, event: Told<'run.attempt-started'>): void {
  const { payload, seq, id } = event;
  if (draft.attempts.some((attempt) => attempt.id === id)) return;
  const total_steps = fact(event, '/payload/total_steps', payload.total_steps);
  const total_epochs = fact(event, '/payload/total_epochs', payload.total_epochs);
  draft.attempts = append(draft, event, 'attempts', [
    draft.attempts,
    {
      id,
      seq,
      at: event.occurred_at,
      sealed_at: event.sealed_at,
      resumes: payload.resumes,
      total_steps,
      total_epochs,
      processes: fact(event, '/payload/processes', payload.processes),
      ended: null,
      rows: 0,
      newest: null,
    },
  ]);
  draft.progress = {
    ...draft.progress,
    total_steps: total_steps ?? draft.progress.total_steps,
    total_epochs: total_epochs ?? draft.progress.total_epochs,
  };
  settleState(draft);
}

export function foldEnding(draft: Draft, event: Told<'run.finished' | 'run.failed' | 'run.killed'>): void {
  const { payload } = event;
  const { total_steps } = payload;
  for (const { id, count } of payload.producers) {
    expectCounter(draft, event, { id, count: fact(event, '/payload/producers', count) });
  }
  addEnding(draft, event, {
    attempt: payload.attempt,
    total_steps: fact(event, '/payload/total_steps', total_steps),
    completed_steps: fact(event, '/payload/completed_steps', payload.completed_steps),
    epochs_completed: fact(event, '/payload/epochs_completed', payload.epochs_completed),
    active_seconds: fact(event, '/payload/active_seconds', payload.active_seconds),
    final_weights: fact(event, '/payload/final_weights', payload.final_weights),
    best_checkpoint: fact(event, '/payload/best_checkpoint', payload.best_checkpoint),
    counts_producers: payload.producers.length > 0,
    cause: causeOf(event),
  });
  if (total_steps !== null) {
    draft.progress = { ...draft.progress, total_steps: fact(event, '/payload/total_steps', total_steps) };
  }
}

export function foldLost(draft: Draft, event: Told<'run.lost'>): void {
  const { attempt, lease_s, leases_missed } = event.payload;
  addEnding(draft, event, {
    attempt,
    total_steps: null,
    completed_steps: null,
    epochs_completed: null,
    active_seconds: null,
    final_weights: null,
    best_checkpoint: null,
    counts_producers: false,
    cause: `no heartbeat for ${leases_missed} leases of ${lease_s} s`,
  });
}

export function foldDropped(draft: Draft, event: Told<'run.events-dropped'>): void {
  const { not_accepted, set_aside } = event.payload;
  const counts = { ...draft.dropped.not_accepted };
  for (const { class: retention, count } of not_accepted) counts[retention] += count;
  const room = Math.max(0, factsLimits.setAside - draft.dropped.set_aside.length);
  const kept = set_aside.slice(0, room).map(({ id, type, code }) => ({ id, type, code, seq: event.seq }));
  if (set_aside.length > kept.length) leaveOut(draft, event, 'setAside', set_aside.length - kept.length);
  draft.dropped = {
    not_accepted: counts,
    set_aside: [...draft.dropped.set_aside, ...kept],
    set_aside_total: draft.dropped.set_aside_total + set_aside.length,
    first_seq: draft.dropped.first_seq ?? event.seq,
    last_seq: event.seq,
  };
  for (const { producer } of set_aside) if (producer) seeDeclared(draft, event, producer);
}

type Ended = Told<'run.finished' | 'run.failed' | 'run.killed' | 'run.lost'>;
type EndingDetails = Omit<EndingFacts, 'type' | 'seq' | 'hash' | 'at' | 'sealed_at'>;

function addEnding(draft: Draft, event: Ended, details: EndingDetails): void {
  const { type, seq, hash, sealed_at } = event;
  const asserted = 'asserted' in event.payload ? event.payload.asserted : [];
  const at = fact({ seq, payload: { asserted } }, '/occurred_at', event.occurred_at);
  if (type !== 'run.lost' && draft.terminal && draft.terminal.type !== 'run.lost' && isOfSame(draft, details.attempt)) {
    const words = `there is a ${type} beside the ${draft.terminal.type} at ${draft.terminal.seq}`;
    addFault(draft, event, { kind: 'two_endings', words });
  }
  const isKnown = details.attempt === null || draft.attempts.some(({ id }) => id === details.attempt);
  if (!isKnown) {
    const words = 'an ending names an attempt that has not begun';
    addFault(draft, event, { kind: 'attempt_unknown', subject: details.attempt, words });
  }
  draft.endings = append(draft, event, 'endings', [draft.endings, { type, seq, hash, at, sealed_at, ...details }]);
  settleState(draft);
}

const isOfSame = ({ attempts }: Draft, attempt: string | null): boolean =>
  attempt === null || attempt === attempts.at(-1)?.id || !attempts.some(({ id }) => id === attempt);

/**
 * The newest attempt decides. Of its endings a lost lease gives way to what the process itself tells, and `finished` counts
 * only where nothing says otherwise; else the first. So a run that broke off does not become finished by a second word.
 */
function settleState(draft: Draft): void {
  const { attempts, endings } = draft;
  const known = new Set(attempts.map(({ id }) => id));
  const endingOf = (index: number): EndingFacts | null => {
    const attempt = attempts[index];
    const next = attempts[index + 1];
    const own = endings.filter(({ attempt: named, seq }) =>
      named !== null && known.has(named)
        ? named === attempt?.id
        : (attempt === undefined || seq > attempt.seq) && (next === undefined || seq < next.seq),
    );
    return (
      own.find(({ type }) => type === 'run.failed' || type === 'run.killed') ??
      own.find(({ type }) => type === 'run.finished') ??
      own[0] ??
      null
    );
  };
  draft.attempts = attempts.map((attempt, index) => {
    const ending = endingOf(index);
    if (ending?.seq === attempt.ended?.seq) return attempt;
    return { ...attempt, ended: ending && { type: ending.type, seq: ending.seq } };
  });
  draft.terminal = endingOf(attempts.length - 1);
  draft.state = draft.terminal ? stateOf[draft.terminal.type] : 'running';
  draft.state_seq = draft.terminal?.seq ?? attempts.at(-1)?.seq ?? draft.started?.seq ?? draft.first_seq;
}

function causeOf(event: Told<'run.finished' | 'run.failed' | 'run.killed'>): string | null {
  if (event.type === 'run.finished') return null;
  const { payload } = event as Told<'run.failed'> | Told<'run.killed'>;
  if ('reason' in payload) return payload.reason ?? (payload.signal && `signal ${payload.signal}`);
  const { error, exit_code, signal } = payload;
  const said = [error?.type, error?.message].filter((part) => part != null).join(': ');
  if (said !== '') return said;
  if (signal !== null) return `signal ${signal}`;
  return exit_code === null ? null : `exit code ${exit_code}`;
}
