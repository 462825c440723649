export { startService, type ServiceOptions, type RunningService, type Timeouts } from './start-service.js';
export { serveUntilSignal } from './drain.js';
export { Readiness, type ReadinessReport } from './readiness.js';
export { Readers, type PositionSeen, type Reader, type ReaderReport, type ServedLedger } from './readers.js';
export { POSITION_HEADER, POSITION_WAIT_MS } from './reader-positions.js';
export type { StatusAnswer, WhoAmIAnswer } from './status.js';
export { parseAsOf, type AsOf } from './as-of.js';
export { ServiceMetrics } from './metrics.js';
export { openLog, LOG_LEVELS, type LogLevel, type LogOptions, type ServiceLog } from './logging.js';
export { Scope, SCOPE_NAMES, type ScopeName, type RoutePolicy, type Verb } from './scope.js';
export type { Route } from './guard.js';
export { callerOf, CurrentCaller, type Authenticator, type Caller, type PrincipalKind } from './access/caller.js';
export { KeyAuthenticator, KEY_CACHE_MS } from './access/key-authenticator.js';
export {
  accessMigrations,
  createKey,
  listKeys,
  revokeKey,
  type NewKey,
  type CreatedKey,
  type KeyInfo,
} from './access/keys.js';
export {
  RuntimeRefusal,
  isRefusal,
  RUNTIME_STATUS,
  type RefusalLike,
  type RefusalFault,
  type RuntimeCode,
} from './refusal.js';
export { toProblem, PROBLEM_TYPE, RETRY_AFTER_S, type Problem, type StatusByCode } from './problem.js';
export { parseStrictJson, type JsonLimits, type JsonCode } from './strict-json.js';
export {
  readEnvironment,
  describeEnvironment,
  EnvironmentError,
  integer,
  string,
  url,
  choice,
  flag,
  secret,
  type Variable,
} from './configuration.js';
export { kafkaOf, kafkaVariables, serviceVariables, type KafkaEnvironment } from './service-variables.js';
