export { lineageMigrations, openLineage, type LineageSettings } from './open-lineage.js';
export { LineageModule } from './lineage.module.js';
export { Lineage } from './lineage.js';
export { lineageProjection } from './projection.js';
export { lineageVariables } from './environment.js';
export type {
  AttemptAnswer,
  AuditRecordAnswer,
  CheckpointAnswer,
  ChecklistAnswer,
  ComplianceAnswer,
  Diagnosis,
  EnvironmentAnswer,
  EvaluationAnswer,
  ExperimentItem,
  FaultAnswer,
  MaterialAnswer,
  MetricKind,
  MetricsAnswer,
  MetricValue,
  Overall,
  Page,
  ParameterValue,
  Progress,
  RunAnswer,
  RunEnd,
  RunItem,
  RunSort,
  RunState,
  RunSummary,
  Scalar,
  SeriesAnswer,
  Stage,
  VerdictShort,
  ModelVersionShort,
} from './answers.js';
export type {
  AnnotationAnswer,
  AssessmentAnswer,
  LogChunkItem,
  ResourcesAnswer,
  ResourceSeries,
  ResourceSummary,
} from './observed-answers.js';
export type {
  ArtifactAnswer,
  ComparedSection,
  CompareAnswer,
  EdgeClass,
  GraphAnswer,
  GraphEdge,
  GraphNode,
  LiveRecord,
  NodeId,
  NodeKind,
  RunOfArtifact,
} from './graph-answers.js';
