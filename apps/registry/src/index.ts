export { openRegistry, registryMigrations, type RegistrySettings } from './open-registry.js';
export { RegistryModule } from './registry.module.js';
export { Registry } from './registry.js';
export { registryProjection } from './projection.js';
export { REFUSAL_STATUS } from './refusal.js';
export { registryVariables } from './environment.js';
export type { CommandAnswer, ComplianceAnswer, ModelItem, Page, VersionAnswer, VersionItem } from './answers.js';
export type { Stage, Unmet } from './deciding/version-state.js';
