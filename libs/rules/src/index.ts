export type { RunEvent } from './run-event.js';
export {
  factsLimits,
  type AttemptFacts,
  type CheckpointFacts,
  type DecisionFacts,
  type DroppedFacts,
  type EndingFacts,
  type EndingType,
  type EnvironmentFacts,
  type EvaluatedFacts,
  type Fact,
  type Fault,
  type FaultKind,
  type InputFacts,
  type LimitedFact,
  type MaybeFact,
  type MetricValue,
  type OutputFacts,
  type OverrideFacts,
  type ParameterValue,
  type ProducerFacts,
  type ProgressFacts,
  type RowMark,
  type RunFacts,
  type RunState,
  type StartFacts,
  type VerdictFacts,
} from './run-facts.js';
export { evolveRun, newRunFacts, runOfEvent } from './evolve-run.js';
export {
  addRows,
  bestEvaluation,
  evalLossOf,
  evaluationAt,
  lossOf,
  newRunRows,
  rowsLimits,
  type AttemptRows,
  type EvaluationRow,
  type LoggedRow,
  type RowsRecord,
  type RowValue,
  type RunRows,
} from './run-rows.js';
export {
  canonicalMetric,
  definitionOf,
  directionOf,
  isNonFinite,
  metricRegistry,
  perplexityOf,
  type MetricDefinition,
} from './metric-registry.js';
export {
  attemptsBehind,
  evaluationSetOf,
  splitText,
  weightsBehind,
  weightsOutput,
  type EvaluationSet,
  type Sha256,
  type WeightsBehind,
} from './weights.js';
export { modelNameOf, slugOf } from './model-name.js';
export {
  auditRecord,
  type AuditRecord,
  type AuditRecordWithEvidence,
  type DatasetEntry,
  type HashedFile,
} from './audit-record.js';
export { auditFields, auditGaps, type AuditField, type FieldState, type IsRegistered } from './audit-gaps.js';
export {
  complianceOf,
  worstOf,
  type Compliance,
  type Control,
  type ControlState,
  type Judging,
  type Waiver,
} from './compliance.js';
export { checklistOf, type ChecklistItem } from './checklist.js';
export { diagnose, type CurvePoint, type Diagnosis } from './diagnosis.js';
