export type { RunEvent } from './run-event.js';
export {
  factsLimits,
  type AnnotationFacts,
  type AssessmentFacts,
  type AttemptFacts,
  type CheckpointDeletion,
  type CheckpointFacts,
  type DecisionFacts,
  type DroppedFacts,
  type EndingFacts,
  type EndingType,
  type EvaluatedFacts,
  type Fact,
  type Fault,
  type FaultKind,
  type LimitedFact,
  type MaybeFact,
  type MetricValue,
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
export type { EnvironmentFacts, InputFacts, OutputFacts } from './material-facts.js';
export { evolveRun, newRunFacts, runOfEvent } from './evolve-run.js';
export {
  addRows,
  bestEvaluation,
  evalLossOf,
  evaluationAt,
  faultsOfRows,
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
  tensorsFiniteOf,
  weightsBehind,
  weightsOutput,
  type EvaluationSet,
  type Sha256,
  type WeightsBehind,
} from './weights.js';
export { modelNameOf, slugOf } from './model-name.js';
export type { AuditRecord, DatasetEntry, HashedFile } from './audit-record-shape.js';
export {
  auditRecord,
  baseModelOf,
  configOf,
  trainingArgsOf,
  trainingSets,
  type AuditRecordWithEvidence,
} from './audit-record.js';
export { bestEvaluationBehind, finalEvaluation, lossBehind } from './final-metrics.js';
export type { AuditField, FieldState, IsRegistered } from './audit-field.js';
export { auditFields, auditGaps } from './audit-gaps.js';
export { countMissingEvents } from './audit-completeness.js';
export { deletionsOf } from './checkpoints.js';
export {
  gpuMetrics,
  gpuReadings,
  machineMetrics,
  machineReadings,
  type GpuMetric,
  type MachineMetric,
} from './resources.js';
export {
  complianceOf,
  worstOf,
  type Compliance,
  type Control,
  type ControlState,
  type Finding,
  type Judging,
  type Waiver,
} from './compliance.js';
export { checklistOf, type ChecklistItem } from './checklist.js';
export { diagnose, type CurvePoint, type Diagnosis } from './diagnosis.js';
