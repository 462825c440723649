import type { EventPayload, EventType } from '@runseal/contracts';
import { addFault, type Draft, type Told } from './draft.js';
import { foldAcceptance, foldOverride, foldVerdict } from './fold-judgement.js';
import { foldAttempt, foldDropped, foldEnding, foldLost, foldStart } from './fold-life.js';
import { foldEnvironment, foldInput, foldOutput, foldParameters } from './fold-material.js';
import { foldAnnotation, foldAssessment, foldCheckpointDeleted } from './fold-observed.js';
import { foldCheckpoint, foldEvaluated, foldMetrics } from './fold-training.js';
import { seeCounter } from './producers.js';
import type { RunEvent } from './run-event.js';
import type { RunFacts } from './run-facts.js';

/** Of a run of which nothing is known yet. */
export function newRunFacts(): RunFacts {
  return blank;
}

/**
 * What the run's facts are after one more event: of the run's stream, or an artifact.registered or artifact.assessed of this run or its
 * producers, whose counters fill the gaps in the stream's. Events come by seq; one at or below `facts.seq` changes nothing, nor does one
 * of another run's stream or somebody else's artifact. Total over every event that fits its schema, in any order of meaning;
 * `facts` itself is left as it is.
 */
export function evolveRun(facts: RunFacts, event: RunEvent): RunFacts {
  if (event.seq <= facts.seq) return facts;
  const isOwn = event.stream.startsWith(RUN);
  if (isOwn ? facts.run_id !== null && !isStreamOf(event.stream, facts.run_id) : !isOwnersArtifact(facts, event)) {
    return facts;
  }
  const draft: Draft = { ...facts, seq: event.seq };
  if (event.producer) seeCounter(draft, event, event.producer);
  if (isOwn) foldOwn(draft, event);
  else if (event.type === 'artifact.assessed' && event.payload !== null)
    foldAssessment(draft, event as Told<'artifact.assessed'>);
  return draft;
}

/** The run whose facts an event is for: by its stream, or by the `run` of an artifact's event. Null: of none. */
export function runOfEvent(event: Pick<RunEvent, 'stream' | 'type' | 'payload'>): string | null {
  if (event.stream.startsWith(RUN)) return event.stream.slice(RUN.length);
  if (event.type !== 'artifact.registered' && event.type !== 'artifact.assessed') return null;
  return (event.payload as EventPayload<'artifact.registered' | 'artifact.assessed'> | null)?.run ?? null;
}

const RUN = 'run/';
const ARTIFACT = 'artifact/';
const isStreamOf = (stream: string, run: string): boolean =>
  stream.length === RUN.length + run.length && stream.endsWith(run);

/** Artifact streams are open to every writer: somebody else's event must not fill a gap in this run's counters. */
const isOwnersArtifact = ({ principal }: RunFacts, { stream, actor }: RunEvent): boolean =>
  stream.startsWith(ARTIFACT) && (principal === null || principal.value === actor);

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Clients keep what is not delivered for that long. */
const LATE_MAX_MS = 7 * DAY_MS;
const EARLY_MAX_MS = 5 * 60 * 1_000;

function foldOwn(draft: Draft, event: RunEvent): void {
  if (draft.first_seq === null) {
    draft.run_id = event.stream.slice(RUN.length);
    draft.first_seq = event.seq;
    draft.principal = { value: event.actor, seq: event.seq };
    draft.state_seq = event.seq;
  }
  draft.events += 1;
  if (draft.started === null && event.type !== 'run.started') {
    addFault(draft, event, { kind: 'unknown_run', words: 'there is no run.started' });
  }
  if (isFarOff(draft, event)) {
    const words = `occurred_at ${event.occurred_at} is far from ${event.sealed_at}, when it was sealed`;
    addFault(draft, event, { kind: 'time_far_off', subject: event.type, words });
  }
  if (event.payload !== null) foldPayload(draft, event as Present);
  else if (event.type === 'run.metrics-logged') {
    const { records, first_seq } = draft.pruned ?? { records: 0, first_seq: event.seq };
    draft.pruned = { records: records + 1, first_seq, last_seq: event.seq };
  } else if (event.type !== 'run.resources-sampled' && event.type !== 'run.log-captured') {
    const words = 'what the record said was erased or pruned';
    addFault(draft, event, { kind: 'payload_gone', subject: event.type, words });
  }
}

type Present = { [Type in EventType]: Told<Type> }[EventType];

function foldPayload(draft: Draft, event: Present): void {
  switch (event.type) {
    case 'run.metrics-logged':
      return foldMetrics(draft, event);
    case 'run.started':
      return foldStart(draft, event);
    case 'run.attempt-started':
      return foldAttempt(draft, event);
    case 'run.finished':
    case 'run.failed':
    case 'run.killed':
      return foldEnding(draft, event);
    case 'run.lost':
      return foldLost(draft, event);
    case 'run.events-dropped':
      return foldDropped(draft, event);
    case 'run.parameters-recorded':
      return foldParameters(draft, event);
    case 'run.input-recorded':
      return foldInput(draft, event);
    case 'run.output-recorded':
      return foldOutput(draft, event);
    case 'run.environment-recorded':
      return foldEnvironment(draft, event);
    case 'run.checkpoint-saved':
      return foldCheckpoint(draft, event);
    case 'run.checkpoint-deleted':
      return foldCheckpointDeleted(draft, event);
    case 'run.annotated':
      return foldAnnotation(draft, event);
    case 'run.evaluated':
      return foldEvaluated(draft, event);
    case 'run.gates-evaluated':
      return foldVerdict(draft, event);
    case 'run.warnings-accepted':
      return foldAcceptance(draft, event);
    case 'run.gate-overridden':
      return foldOverride(draft, event);
    default:
      // Whatever else may come to stand on a run's stream says nothing that is kept here.
      return;
  }
}

/** Early by more than clocks differ, or later than clients keep things; what is read in afterwards may be of any age. */
function isFarOff({ started }: Draft, { occurred_at, sealed_at, type }: RunEvent): boolean {
  if (occurred_at === null) return false;
  // Nearly all pass here, without two dates being parsed.
  if (occurred_at <= sealed_at && occurred_at.endsWith('Z') && occurred_at.startsWith(sealed_at.slice(0, 10))) {
    return false;
  }
  const late_ms = Date.parse(sealed_at) - Date.parse(occurred_at);
  return (
    late_ms < -EARLY_MAX_MS || (late_ms > LATE_MAX_MS && type !== 'run.started' && started?.recorded.value === 'live')
  );
}

const blank: RunFacts = {
  version: 1,
  run_id: null,
  seq: -1,
  first_seq: null,
  events: 0,
  principal: null,
  state: 'running',
  state_seq: null,
  started: null,
  attempts: [],
  endings: [],
  terminal: null,
  progress: { newest: null, rows: 0, total_steps: null, total_epochs: null },
  parameters: {},
  parameters_chars: 0,
  inputs: [],
  outputs: [],
  environment: {
    seed: null,
    data_seed: null,
    numpy_seed: null,
    versions: {},
    platform: null,
    gpu_type: null,
    gpu_count: null,
    cuda_version: null,
    driver_version: null,
    hosts: null,
    cudnn_deterministic: null,
    cudnn_benchmark: null,
    deterministic_algorithms: null,
    variables: {},
    image_digest: null,
    lock_digest: null,
  },
  checkpoints: [],
  checkpoints_deleted: [],
  evaluated: [],
  producers: [],
  dropped: {
    not_accepted: { metrics: 0, telemetry: 0, logs: 0 },
    set_aside: [],
    set_aside_total: 0,
    first_seq: null,
    last_seq: null,
  },
  metric_keys: {},
  pruned: null,
  verdict: null,
  verdicts: 0,
  acceptance: null,
  overrides: [],
  annotations: [],
  assessments: [],
  faults: [],
  faults_total: 0,
  left_out: {},
};
