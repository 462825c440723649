import type { ComplianceAnswer, VersionAnswer, VersionItem } from './answers.js';
import { nextStep } from './deciding/requirements.js';
import { bindingOf, isContested, type FullStanding, type Standing } from './deciding/standing.js';
import { openRequest, type StageEntry } from './deciding/version-state.js';

export function itemOf(standing: Pick<Standing, 'version' | 'facts'>): VersionItem {
  const { version, facts } = standing;
  const { stage, since_seq, at } = version.stages.at(-1) as StageEntry;
  return {
    ...{ model: version.model, version: version.version, run_id: version.run, stage },
    stage_since: { seq: since_seq, at },
    contested: isContested(standing),
    overall: facts.verdict?.overall ?? null,
    artifact: version.artifact,
    open_request: openRequest(version)?.id ?? null,
    tags: Object.fromEntries(Object.entries(version.tags).map(([name, { value }]) => [name, value])),
    registered: version.registered,
  };
}

export function answerOf(standing: FullStanding): VersionAnswer {
  const { version, facts, compliance } = standing;
  const binding = bindingOf(standing);
  const involved = [facts.principal?.value, ...facts.overrides.map(({ actor }) => actor)];
  return {
    ...itemOf(standing),
    verdict: binding && facts.verdict && { ...binding, overall: facts.verdict.overall },
    involved: [...new Set(involved.filter((actor) => actor !== undefined))],
    next: nextStep(standing),
    compliance: compliance.overall,
    ...{ stages: version.stages, requests: version.requests },
    ...{ refusals: version.refusals, refusals_total: version.refusals_total, tag_history: version.tags },
  };
}

export function complianceAnswerOf({ version, compliance }: FullStanding): ComplianceAnswer {
  return { model: version.model, model_version: version.version, run_id: version.run, ...compliance };
}
