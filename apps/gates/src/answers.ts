// The shapes that this service answers with.
import type { EventPayload } from '@runseal/contracts';
import type { Policy } from './engine/policy/policy.js';
import type { VerdictPayload } from './deciding/verdict-event.js';

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

/** A person's acceptance of a verdict's warnings. */
export interface AcceptanceAnswer {
  readonly by: string;
  readonly reason: string;
  readonly seq: number;
}

/** `GET /v1/runs/{id}/gates?limit=&cursor=&as_of=`, newest first. */
export interface VerdictAnswer {
  readonly verdict_id: string;
  readonly run_id: string;
  readonly seq: number;
  readonly overall: VerdictPayload['overall'];
  readonly policy: Pick<VerdictPayload['policy'], 'id' | 'version' | 'hash'>;
  readonly engine: string;
  /** The newest record that it takes in. */
  readonly position: number;
  /** The next verdict on the run; null: it is the newest. */
  readonly superseded_by: string | null;
  readonly gates: VerdictPayload['gates'];
  /** Beside the promised: hash of its record, when it was sealed, the weights judged, and who accepted its warnings. */
  readonly hash: string;
  readonly sealed_at: string;
  readonly weights: VerdictPayload['weights'];
  readonly accepted: AcceptanceAnswer | null;
}

/** `POST /v1/runs/{id}/gates/evaluate`: the verdict, and whether it was sealed now. */
export interface EvaluationAnswer extends VerdictAnswer {
  readonly is_new: boolean;
}

/** `POST /v1/runs/{id}/warnings/accept`. */
export interface AcceptedAnswer extends AcceptanceAnswer {
  readonly run_id: string;
  readonly verdict_id: string;
}

/** `POST /v1/runs/{id}/heartbeat`. */
export interface HeartbeatAnswer {
  readonly lease_s: number;
  readonly alerts: readonly never[];
  readonly stop: false;
}

/** A publication; version 0 is the built-in policy, which nobody published. */
export interface PublicationAnswer {
  readonly id: string;
  readonly version: number;
  readonly hash: string;
  readonly seq: number | null;
  readonly published_at: string | null;
  readonly by: string | null;
  readonly reason: string | null;
}

/** `GET /v1/policies/{id}?as_of=`. */
export interface PolicyAnswer extends PublicationAnswer {
  /** As published; null: built in. */
  readonly source: string | null;
  /** The long form; null where what was sealed is none. */
  readonly normalised: Policy | null;
  /** Its publications up to then, the newest first, at most 100. */
  readonly versions: readonly PublicationAnswer[];
}

/** `POST /v1/policies`. */
export interface PublishedAnswer extends PublicationAnswer {
  readonly normalised: Policy;
  /** False where the policy in force said the same already, and nothing was published. */
  readonly is_new: boolean;
}

/** `POST /v1/baselines`. */
export interface BaselineAnswer {
  readonly model: string;
  readonly run: string | null;
  readonly values: EventPayload<'policy.baseline-set'>['values'];
  readonly reason: string;
  readonly seq: number;
}
