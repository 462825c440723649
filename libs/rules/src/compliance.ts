import type { AuditField, IsRegistered } from './audit-field.js';
import { auditFields } from './audit-gaps.js';
import { checklistOf, findingOf, modelHashFinding } from './checklist.js';
import type { RunFacts, VerdictFacts } from './run-facts.js';

export type ControlState = 'met' | 'not_met' | 'missing' | 'waived';

/** A person's word that a control need not be met. */
export interface Waiver {
  /** Id of the control. */
  readonly control: string;
  readonly by: string;
  readonly until: string | null;
  readonly reason: string;
  readonly seq: number;
}

/** What the rules cannot see in the run's own facts. */
export interface Judging {
  /** The newest verdict: `facts.verdict` unless asked as of another time. */
  readonly verdict: VerdictFacts | null;
  readonly isRegistered: IsRegistered;
  /** The model version that the run became; null: none, or not known to the caller. */
  readonly modelVersion: { readonly model: string; readonly version: number; readonly seq: number } | null;
  /** Those in force. */
  readonly waivers: readonly Waiver[];
}

/** How something stands, and what shows it. */
export interface Finding {
  readonly state: ControlState;
  readonly found: string | null;
  readonly wanted: string;
  readonly remedy: string | null;
  readonly seqs: readonly number[];
  /** Where it is waived: until when (null: without an end) and by whom. */
  readonly until: string | null;
  readonly by: string | null;
}

export interface Control extends Finding {
  /** `audit.dataset_hash`, `checklist.config_in_git`, `g6.input_artifacts.config.git_commit`, ... */
  readonly id: string;
  readonly title: string;
}

export interface Compliance {
  readonly version: 1;
  /** The worst of the controls: not_met, then missing, then waived, then met. */
  readonly overall: ControlState;
  readonly controls: readonly Control[];
}

/** Compliance version 1: the document's audit metrics, its checklist and G6's fields as controls. */
export function complianceOf(facts: RunFacts, judging: Judging): Compliance {
  const fields = auditFields(facts, judging.isRegistered);
  const controls = [
    ...auditMetrics(facts, judging, fields),
    ...checklistOf(facts, judging).map(({ phase: _, id, ...item }) => ({ ...item, id: `checklist.${id}` })),
    ...fields.map((field) => ({ id: `g6.${field.field}`, title: field.field, ...findingOf([field]) })),
  ].map((control) => waived(control, judging.waivers));
  return { version: 1, overall: worstOf(controls.map(({ state }) => state)), controls };
}

/** The worst of several states. An unmet control is worse than an unknown one: the first is known to be wrong. */
export function worstOf(states: readonly ControlState[]): ControlState {
  return (['not_met', 'missing', 'waived'] as const).find((state) => states.includes(state)) ?? 'met';
}

/** The document's table of audit metrics. Its experiment_id is a UUID there and a name in its record: here both have to be told. */
function auditMetrics(facts: RunFacts, { isRegistered }: Judging, fields: readonly AuditField[]): Control[] {
  const of = (id: string, title: string, ...names: string[]): Control => ({
    id: `audit.${id}`,
    title,
    ...findingOf(fields.filter(({ field }) => names.includes(field))),
  });
  return [
    of('dataset_hash', 'Training data hashed', 'input_artifacts.dataset.hash'),
    of('config_version', 'Configuration at a commit', 'input_artifacts.config.git_commit'),
    { id: 'audit.model_hash', title: 'Model hashed', ...modelHashFinding(facts, isRegistered) },
    of('experiment_id', 'Experiment and run named', 'training_record.experiment_id', 'training_record.run_id'),
    of('timestamp', 'Times known', 'training_record.timeline.start_time', 'training_record.timeline.end_time'),
  ];
}

/** What is met needs no waiver, and is shown as met. */
function waived(control: Control, waivers: readonly Waiver[]): Control {
  const waiver = waivers.findLast(({ control: id }) => id === control.id);
  if (!waiver || control.state === 'met') return control;
  return { ...control, state: 'waived', until: waiver.until, by: waiver.by, seqs: [...control.seqs, waiver.seq] };
}
