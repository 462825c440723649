// The long form of a policy, which every way of writing one is normalised to. Its canonical JSON is what is hashed.
import type { Severity } from '../verdict.js';

export type Direction = 'lower' | 'higher';

/** What a comparison refers to: the baseline set for the model, its version in production or with a number, the last runs that passed. */
export type ReferenceName = 'baseline' | 'production' | { readonly version: number } | { readonly last_passed: number };

interface GateOf<Check extends string> {
  /** G1 to G6 for the six, a name of the policy's own for the others. */
  readonly id: string;
  readonly check: Check;
  readonly severity: Severity;
  /** Judged and shown, but not counted. */
  readonly shadow: boolean;
  /** Not judged; the verdict says so. */
  readonly off: boolean;
}

/** A window of rows at each end of a curve. */
interface Windows {
  /** Share of the rows that a window holds, rounded up. */
  readonly window_share: number;
  /** Rows that it holds at least. */
  readonly window_min: number;
  /** Fewer rows in all: missing. */
  readonly rows_min: number;
  /** How much better the last window must be than the first, as a share of it. */
  readonly improvement: number;
}

export interface StabilityGate extends GateOf<'stability'> {
  /** So many rows in a row with a grad_norm of exactly 0 are a dead model. */
  readonly dead_rows: number;
}
export type ConvergenceGate = GateOf<'convergence'> & Windows;
export interface GeneralizationGate extends GateOf<'generalization'> {
  /** eval_loss / mean loss must be below it. */
  readonly ratio: number;
  /** In its place where losses can come near 0: eval_loss - mean loss must not be above it. */
  readonly difference: number;
}
interface Tolerance {
  readonly metric: string;
  readonly direction: Direction;
  /** How much worse it may be, as a share of what it is compared with. */
  readonly regression: number;
  /** And in its own unit: what near 0 any share would call a regression. */
  readonly absolute: number;
}
export type BaselineGate = GateOf<'baseline'> & Tolerance;
export interface TaskRule {
  readonly metric: string;
  /** Must be above it, on the scale of the metric registry; null: see the other two. */
  readonly above: number | null;
  /** Must be above the model's baseline. */
  readonly above_baseline: boolean;
  /** Must not be inferior to the model's baseline by more than the margin, at the level alpha. */
  readonly noninferior: { readonly margin: number; readonly alpha: number } | null;
}
export interface TaskQualityGate extends GateOf<'task_quality'> {
  readonly tasks: Readonly<Record<string, readonly TaskRule[]>>;
}
export type AuditGate = GateOf<'audit_completeness'>;

export interface FiniteGate extends GateOf<'finite'> {
  readonly metrics: readonly string[];
}
export type TrendGate = GateOf<'trend'> & Windows & { readonly metric: string; readonly direction: Direction };
export type CompareGate = GateOf<'compare'> & Tolerance & { readonly to: ReferenceName };
export interface NoninferiorityGate extends GateOf<'noninferiority'> {
  readonly metric: string;
  readonly direction: Direction;
  readonly margin: number;
  readonly alpha: number;
  readonly to: ReferenceName;
}
export interface CompleteGate extends GateOf<'complete'> {
  readonly fields: readonly string[];
}
export interface ExpressionGate extends GateOf<'expression'> {
  readonly expression: string;
}

export type Gate =
  | StabilityGate
  | ConvergenceGate
  | GeneralizationGate
  | BaselineGate
  | TaskQualityGate
  | AuditGate
  | FiniteGate
  | TrendGate
  | CompareGate
  | NoninferiorityGate
  | CompleteGate
  | ExpressionGate;
export type Check = Gate['check'];

export interface Policy {
  readonly format: 1;
  /** Whether a run whose blocking gates were overridden may become a candidate. */
  readonly overridden: 'admits' | 'blocks';
  readonly gates: readonly Gate[];
}

/** Under which name `JudgeInput.references` holds it. */
export function referenceKey(name: ReferenceName): string {
  if (typeof name === 'string') return name;
  return 'version' in name ? `version ${name.version}` : `last ${name.last_passed} passed`;
}

/** Everything that a policy compares with, each once. */
export function referencesOf({ gates }: Policy): ReferenceName[] {
  const names = new Map<string, ReferenceName>([['baseline', 'baseline']]);
  for (const gate of gates) {
    if (gate.check !== 'compare' && gate.check !== 'noninferiority') continue;
    names.set(referenceKey(gate.to), gate.to);
  }
  return [...names.values()];
}
