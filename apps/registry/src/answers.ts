// What the service answers, as JSON. Absent facts are null, never left out; a seq names the record that a fact comes from.
import type { Compliance } from '@runseal/rules';
import type {
  RefusalEntry,
  RequestEntry,
  Sealed,
  Stage,
  StageEntry,
  TagEntry,
  Unmet,
  VerdictBinding,
} from './deciding/version-state.js';

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Give it back as `?cursor=`; null at the end. */
  readonly next_cursor: string | null;
}

export type Overall = 'passed' | 'warnings' | 'blocked' | 'overridden';

/** `GET /v1/models?limit=&cursor=&as_of=`, by name. */
export interface ModelItem {
  readonly model: string;
  readonly versions: number;
  /** Versions in Production, ascending. */
  readonly production: readonly number[];
  /** The newest version and its stage; null: no version is registered. */
  readonly newest: { readonly version: number; readonly stage: Stage } | null;
}

/** `GET /v1/models/{name}/versions?limit=&cursor=&as_of=`, the newest first. */
export interface VersionItem {
  readonly model: string;
  readonly version: number;
  readonly run_id: string;
  readonly stage: Stage;
  readonly stage_since: { readonly seq: number; readonly at: string };
  /** It is at Staging or Production and the run's newest verdict blocks. */
  readonly contested: boolean;
  /** Of the newest verdict; null: not judged. */
  readonly overall: Overall | null;
  readonly artifact: { readonly digest: string | null; readonly path: string | null; readonly type: string | null };
  /** Id of the request that waits for approvals. */
  readonly open_request: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly registered: Sealed;
}

/** `GET /v1/models/{name}/versions/{version}?as_of=`. */
export interface VersionAnswer extends VersionItem {
  readonly verdict: (VerdictBinding & { readonly overall: Overall }) | null;
  /** The run's principal and who overrode a gate of it: they cannot approve, nor can who asked. */
  readonly involved: readonly string[];
  /** The next stage and all that is in its way; null where none follows. */
  readonly next: { readonly to: Stage; readonly unmet: readonly Unmet[] } | null;
  readonly compliance: Compliance['overall'];
  /** In the ledger's order. */
  readonly stages: readonly StageEntry[];
  /** Newest last, each with its approvals and refusals. */
  readonly requests: readonly RequestEntry[];
  readonly refusals: readonly RefusalEntry[];
  readonly refusals_total: number;
  readonly tag_history: Readonly<Record<string, TagEntry>>;
}

/** `POST .../transitions`, `.../approvals`, `.../tags` and `.../versions`. */
export interface CommandAnswer {
  readonly receipts: readonly { readonly id: string; readonly seq: number; readonly hash: string }[];
  /** As it is after them; null where the projection has not come there within 5 s. */
  readonly version: VersionAnswer | null;
}

/** `GET .../compliance?as_of=`. */
export interface ComplianceAnswer extends Compliance {
  readonly model: string;
  /** The version asked for; `version` is that of the controls. */
  readonly model_version: number;
  readonly run_id: string;
}
