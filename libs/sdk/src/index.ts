export { startRun, type StartRunOptions } from './start-run.js';
export type { Delivery, Failure, HashOptions, Run } from './run.js';
export type { MetricRow, RowPlace } from './metrics-buffer.js';
export type {
  AttemptFacts,
  Checkpoint,
  Ending,
  Environment,
  Evaluation,
  Given,
  GivenEnvironment,
  GivenEvaluation,
  Input,
  Output,
  RunFacts,
} from './payloads.js';
export type { OwnEvent } from './recorder.js';
export type { Receipt } from './receipt.js';
export { ConfigError, type ClientOptions } from './config.js';
export type { Say } from './say.js';
export { sendSpool, type FolderResult, type SendSpoolOptions } from './send-spool.js';
export { submitEvents, SubmitError, type SubmitOptions } from './submit-events.js';
export type { Problem } from './door.js';
export {
  hashFile,
  hashFolder,
  hashPath,
  type FileDigest,
  type HashPathOptions,
  type HashProgress,
  type PathContent,
} from './hash-path.js';
