export { gatesMigrations, openGates, type GatesSettings } from './open-gates.js';
export { GatesModule } from './gates.module.js';
export { Gates } from './gates.js';
export { gatesProjection } from './projection/projection.js';
export { gatesVariables } from './environment.js';
export { REFUSAL_STATUS } from './refusal.js';
export { judge, ENGINE, type Judgement } from './engine/judge.js';
export type { JudgeInput, Rows } from './engine/input.js';
export { parsePolicy, type ParsedPolicy } from './engine/policy/parse-policy.js';
export { DEFAULT_POLICY } from './engine/policy/default-policy.js';
export type {
  AcceptedAnswer,
  BaselineAnswer,
  EvaluationAnswer,
  HeartbeatAnswer,
  Page,
  PolicyAnswer,
  PublicationAnswer,
  PublishedAnswer,
  VerdictAnswer,
} from './answers.js';
