// What the service answers about artifacts, comparisons and live runs, as JSON.
import type { Overall, RunState, Stage } from './answers.js';
import type { AssessmentAnswer } from './observed-answers.js';

/** `GET /v1/runs/compare?id=&id=...`: 2 to 20 runs; of each section what differs, and how much does not. */
export interface CompareAnswer {
  readonly runs: readonly {
    readonly run_id: string;
    readonly name: string | null;
    readonly experiment: string | null;
    readonly state: RunState;
    readonly overall: Overall | null;
  }[];
  readonly parameters: ComparedSection;
  /** First, last and best values of the summary, and the newest value of each metric. */
  readonly metrics: ComparedSection;
  readonly inputs: ComparedSection;
  readonly environment: ComparedSection;
}

export interface ComparedSection {
  /** `values` in the order of `runs`; null: that run has none. */
  readonly differing: readonly { readonly name: string; readonly values: readonly unknown[] }[];
  /** Names whose value is the same in all runs. */
  readonly same: number;
}

export type EdgeClass = 'influence' | 'governance' | 'release';

/**
 * A node's id: `sha256:<64 hex>` of an artifact, `run:<uuid>`, `revision:<source>@<revision>` of a base model known only by that, `git:<commit>`,
 * `evaluation:<event id>`, `verdict:<event id>`, `approval:<event id>`, `model:<name>:<version>`.
 */
export type NodeId = string;
export type NodeKind =
  'artifact' | 'run' | 'revision' | 'commit' | 'evaluation' | 'verdict' | 'approval' | 'model_version';

export interface GraphNode {
  readonly id: NodeId;
  readonly kind: NodeKind;
  /** For people: a name, else a shortened id. */
  readonly label: string;
  /** Of artifacts: base_model, dataset, config, checkpoint, weights, ...; of evaluations their task. */
  readonly detail: string | null;
  /** Of runs. */
  readonly state: RunState | null;
  /** Of model versions. */
  readonly stage: Stage | null;
  /** Of runs and verdicts. */
  readonly overall: Overall | null;
  /** Fewest edges from the start. */
  readonly depth: number;
  readonly first_seq: number;
}

export interface GraphEdge {
  /** Upstream. */
  readonly from: NodeId;
  /** Downstream. */
  readonly to: NodeId;
  readonly kind: string;
  readonly class: EdgeClass;
  readonly since_seq: number;
  /** The record that took it back; null: it holds. */
  readonly until_seq: number | null;
}

/**
 * `GET /v1/artifacts/{id}/ancestry` and `/descendants?depth=&class=&limit=&as_of=`; `{id}` is a digest, a run's UUID, or any node's id or alias,
 * percent-encoded. Walks influence unless told otherwise; `class` may come several times.
 */
export interface GraphAnswer {
  readonly start: NodeId;
  readonly direction: 'ancestry' | 'descendants';
  readonly classes: readonly EdgeClass[];
  /** Nearest first, the start among them. */
  readonly nodes: readonly GraphNode[];
  /** Between the nodes shown. */
  readonly edges: readonly GraphEdge[];
  /** Nodes reachable within `depth`, shown or not. */
  readonly total: number;
  /** Whether something was left out: by `limit`, or because more lies beyond `depth`. */
  readonly truncated: boolean;
  readonly truncated_by: readonly ('limit' | 'depth')[];
  /** The seq that the answer is true for. */
  readonly as_of: number;
}

/** `GET /v1/artifacts/{digest}?as_of=`. */
export interface ArtifactAnswer {
  readonly id: NodeId;
  readonly digest: string | null;
  readonly form: 'file' | 'folder' | null;
  readonly kind: string | null;
  readonly name: string | null;
  readonly size_bytes: number | null;
  readonly first_seq: number;
  /** Every place at which it was seen. */
  readonly seen: readonly {
    readonly location: string | null;
    readonly name: string | null;
    readonly run_id: string | null;
    readonly seq: number;
  }[];
  readonly aliases: readonly { readonly alias: string; readonly seq: number }[];
  /** Of a folder: its files, at most 4,000. */
  readonly files:
    readonly { readonly path: string; readonly digest: string; readonly size_bytes: number | null }[] | null;
  /** Folders that it is a file of. */
  readonly part_of: readonly { readonly digest: string; readonly path: string }[];
  readonly made_by: readonly RunOfArtifact[];
  readonly used_by: readonly RunOfArtifact[];
  readonly model_versions: readonly {
    readonly name: string;
    readonly version: number;
    readonly stage: Stage;
    readonly approvals: readonly { readonly by: string; readonly seq: number }[];
    readonly seq: number;
  }[];
  /** What the newest who read it says it is like; null: nobody did. */
  readonly assessment: AssessmentAnswer | null;
}

export interface RunOfArtifact {
  readonly run_id: string;
  readonly name: string | null;
  readonly state: RunState;
  readonly overall: Overall | null;
  /** What it was to the run: train, eval, base_model, weights, checkpoint, ... */
  readonly role: string;
  /** Through the folder that it is a file of; null: itself. */
  readonly through: string | null;
  readonly seq: number;
}

/**
 * `GET /v1/runs/{id}/live`: server-sent events. `record`: a record of the run, once it is projected, with `id: <epoch>/<seq>`; those after
 * `Last-Event-ID` (a `Runseal-Position` too), without one those from now on. `reset`: the ledger no longer holds what it names, and all come again.
 */
export interface LiveRecord {
  readonly epoch: number;
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly actor: string;
  readonly occurred_at: string | null;
  readonly sealed_at: string;
  /** As sealed; null where it was pruned or erased. */
  readonly payload: unknown;
}
