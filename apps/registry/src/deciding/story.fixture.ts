import type { EventPayload, EventType } from '@runseal/contracts';
import { evolveRun, newRunFacts, type Compliance, type RunEvent, type RunFacts } from '@runseal/rules';
import { dueForRun, dueForVersion, decideDue, type DueKind } from './due.js';
import {
  decideRequest,
  refuseTransition,
  registerRun,
  requestTransition,
  type Decision,
  type NewEvent,
} from './decide.js';
import { evolveVersion } from './evolve-version.js';
import type { FullStanding } from './standing.js';
import { stageOf, type Stage, type Unmet, type VersionState } from './version-state.js';

export const RUN = '019bf9da-6cbb-7acb-a255-12100f80b56f';
export const ATTEMPT = '019bf9da-6cbd-7781-9feb-09fd37b88593';
export const MODEL = 'support-assistant';
export const WEIGHTS = `sha256:${'a'.repeat(64)}`;
/** People of the stories, and the registry itself. */
export const [TRAINER, ASKER, ADA, BEN, EVE, REGISTRY] = ['trainer', 'asker', 'ada', 'ben', 'eve', 'registry'] as const;

type Overall = EventPayload<'run.gates-evaluated'>['overall'];

/** One run and its version, as a ledger of records that is folded after each. Commands seal what they decide. */
export class Story {
  readonly records: RunEvent[] = [];
  facts: RunFacts = newRunFacts();
  version: VersionState | null = null;
  compliance: Compliance = { version: 1, overall: 'met', controls: [] };
  admitsOverridden = false;

  get standing(): FullStanding {
    if (!this.version) throw new Error('no version is registered');
    const { version, facts, admitsOverridden, compliance } = this;
    return { version, facts, admitsOverridden, compliance };
  }

  get stage(): Stage {
    return stageOf(this.standing.version);
  }

  /** Seals a record. */
  tell<Type extends EventType>(type: Type, payload: EventPayload<Type>, actor: string): RunEvent {
    return this.seal({ id: this.nextId(), type, payload } as never, actor);
  }

  /** Runs, and ends with weights of that digest; null: they were not hashed, none: nobody told of any. */
  train(ending: 'run.finished' | 'run.failed' = 'run.finished', digest: string | null | 'none' = WEIGHTS): this {
    this.tell('run.started', started, TRAINER);
    if (digest !== 'none') this.tell('run.output-recorded', weights(digest), TRAINER);
    const end = { ...ended, ...(ending === 'run.failed' ? { error: null, exit_code: 1, signal: null } : {}) };
    this.tell(ending, end as never, TRAINER);
    return this;
  }

  judge(overall: Overall = 'passed'): this {
    this.tell('run.gates-evaluated', { ...verdict, overall }, 'gates');
    return this;
  }

  acceptWarnings(actor: string): this {
    const { id, hash } = this.facts.verdict ?? { id: ATTEMPT, hash: '0'.repeat(64) };
    this.tell('run.warnings-accepted', { verdict: id, verdict_hash: hash, reason: 'small set' }, actor);
    return this;
  }

  override(actor: string): this {
    const { id, hash } = this.facts.verdict ?? { id: ATTEMPT, hash: '0'.repeat(64) };
    const payload = { verdict: id, verdict_hash: hash, gate: 'G4', reason: 'known', expires_at: null };
    this.tell('run.gate-overridden', payload, actor);
    return this;
  }

  ask(to: Stage, actor: string = ASKER, isPerson = true): Decision {
    const ids = [this.nextId(), this.nextId('1')] as const;
    const decision = requestTransition(this.standing, { ids, to, reason: 'because', actor, isPerson });
    if ('unmet' in decision) {
      const { unmet } = decision;
      const refusal = { id: this.nextId(), to, request: null, reason: 'because', unmet };
      this.seal(refuseTransition(this.standing, refusal), actor);
    }
    return this.sealAll(decision, actor);
  }

  approve(actor: string, more: { approves?: boolean; request?: string | null; isPerson?: boolean } = {}): Decision {
    const { approves = true, request = null, isPerson = true } = more;
    const command = { id: this.nextId(), request, approves, meaning: 'review', reason: 'read', actor, isPerson };
    return this.sealAll(decideRequest(this.standing, command), actor);
  }

  due(): DueKind | null {
    return this.version ? dueForVersion(this.standing) : dueForRun(this.facts);
  }

  /** Seals what is due, until nothing is. */
  settle(): this {
    for (let kind = this.due(); kind !== null; kind = this.due()) {
      const event = kind === 'register' ? this.registration() : decideDue(kind, this.standing, () => this.nextId());
      if (!event) throw new Error(`${kind} is due, and nothing came of it`);
      this.seal(event, REGISTRY);
    }
    return this;
  }

  /** Candidate, after a verdict that lets it in. */
  static candidate(): Story {
    return new Story().train().judge().settle();
  }

  /** In Staging, with an open request for Production. */
  static asked(): Story {
    const story = Story.candidate();
    story.ask('Staging');
    story.ask('Production');
    return story;
  }

  seal(event: NewEvent | { id: string; type: EventType; payload: never }, actor: string): RunEvent {
    const seq = this.records.length;
    const stream = event.type.startsWith('model.') ? `model/${MODEL}` : `run/${RUN}`;
    const times = { occurred_at: null, sealed_at: '2026-01-26T10:30:00.200Z' };
    const record = { ...event, ...times, seq, hash: hashOf(seq), stream, actor, producer: null } as RunEvent;
    this.records.push(record);
    this.facts = evolveRun(this.facts, record);
    if (stream.startsWith('model/')) this.version = evolveVersion(this.version, record);
    return record;
  }

  private sealAll(decision: Decision, actor: string): Decision {
    if ('events' in decision) for (const event of decision.events) this.seal(event, actor);
    return decision;
  }

  private registration(): NewEvent {
    const { seq, hash } = this.records.at(-1) as RunEvent;
    const decision = registerRun(this.facts, { id: this.nextId(), version: 1, trigger: { seq, hash } });
    if (!('events' in decision)) throw new Error('registration is due, and refused');
    return decision.events[0] as NewEvent;
  }

  private nextId(last = '0'): string {
    return `019bfab0-0000-7000-8000-${String(this.records.length).padStart(11, '0')}${last}`;
  }
}

/** What stands in the way, by name. */
export const unmetOf = (decision: Decision): string[] =>
  'unmet' in decision ? decision.unmet.map(({ requirement }: Unmet) => requirement) : [];

const hashOf = (seq: number): string => seq.toString(16).padStart(64, '0');

export const started: EventPayload<'run.started'> = {
  ...{ experiment: MODEL, name: null, target_model: null, tasks: null, objective: null, trainer: null },
  ...{ recorded: 'live', expected_samples_per_second: null, tags: {}, asserted: [] },
};

export const weights = (digest: string | null): EventPayload<'run.output-recorded'> => ({
  ...{ role: 'weights', type: 'lora', path: 'out', digest, size_bytes: 1, files: null, tensors_finite: true },
  asserted: [],
});

const ended: EventPayload<'run.finished'> = {
  ...{ attempt: ATTEMPT, total_steps: null, completed_steps: null, epochs_completed: null, active_seconds: null },
  ...{ final_weights: null, best_checkpoint: null, producers: [], asserted: [] },
};

const verdict: EventPayload<'run.gates-evaluated'> = {
  trigger: { seq: 0, hash: '4'.repeat(64) },
  position: 0,
  policy: { id: 'default', version: 0, hash: '9'.repeat(64), seq: null },
  ...{ engine: 'runseal-gates/1', overall: 'passed', weights: null },
  gates: [
    {
      ...{ id: 'G4', name: 'baseline', severity: 'block', verdict: 'fail', shadow: false },
      ...{ explanation: 'worse', inputs: [], baseline: null },
    },
  ],
};
