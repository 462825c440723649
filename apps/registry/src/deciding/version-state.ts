import type { EventPayload } from '@runseal/contracts';

export type Stage = EventPayload<'model.stage-changed'>['to'];
export const STAGES: readonly Stage[] = ['None', 'Candidate', 'Staging', 'Production', 'Archived'];
/** The verdict that an approval or a stage change relied on. */
export type VerdictBinding = NonNullable<EventPayload<'model.stage-changed'>['verdict']>;
export type Unmet = EventPayload<'model.transition-refused'>['unmet'][number];

/** Where and when something was sealed, and by whom. */
export interface Sealed {
  readonly id: string;
  readonly seq: number;
  readonly actor: string;
  /** sealed_at. */
  readonly at: string;
}

export interface StageEntry {
  readonly stage: Stage;
  readonly since_seq: number;
  readonly until_seq: number | null;
  readonly at: string;
  readonly actor: string;
  readonly request: string | null;
  readonly verdict: VerdictBinding | null;
  readonly approvals: readonly string[];
  readonly reason: string | null;
}

export interface DecisionEntry extends Sealed {
  readonly is_given: boolean;
  readonly artifact: string | null;
  readonly verdict: VerdictBinding | null;
  readonly meaning: string;
  readonly reason: string;
}

/** `granted`: it led to its stage; `refused`: by a person, or for what was unmet; `overtaken`: another request or stage came. */
export type RequestOutcome = 'open' | 'granted' | 'refused' | 'overtaken';

export interface RequestEntry extends Sealed {
  readonly from: Stage;
  readonly to: Stage;
  readonly reason: string;
  readonly outcome: RequestOutcome;
  readonly closed_seq: number | null;
  /** In the ledger's order. */
  readonly decisions: readonly DecisionEntry[];
}

export interface RefusalEntry extends Sealed {
  readonly from: Stage;
  readonly to: Stage;
  readonly request: string | null;
  readonly reason: string | null;
  readonly unmet: readonly Unmet[];
}

export interface TagEntry {
  readonly value: string;
  readonly seq: number;
  readonly actor: string;
}

/** How many stages, requests, decisions of a request and refusals are kept, the newest; and how many tags, the first. */
export const KEPT_MAX = 200;

/** Everything that the records of one version say, folded. Plain JSON. */
export interface VersionState {
  readonly model: string;
  readonly version: number;
  readonly run: string;
  readonly artifact: EventPayload<'model.version-registered'>['artifact'];
  readonly registered: Sealed;
  /** Newest record that is about this version; those at or below change nothing. */
  readonly seq: number;
  /** Newest last, never empty. */
  readonly stages: readonly StageEntry[];
  /** Newest last. */
  readonly requests: readonly RequestEntry[];
  readonly refusals: readonly RefusalEntry[];
  readonly refusals_total: number;
  readonly tags: Readonly<Record<string, TagEntry>>;
}

export const stageOf = ({ stages }: VersionState): Stage => (stages.at(-1) as StageEntry).stage;

/** The request that waits for approvals; null where none does. */
export function openRequest({ requests }: VersionState): RequestEntry | null {
  const newest = requests.at(-1);
  return newest?.outcome === 'open' ? newest : null;
}
