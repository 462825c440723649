import type { Compliance, RunFacts } from '@runseal/rules';
import { weightsOutput } from '@runseal/rules';
import type { DecisionEntry, RequestEntry, VerdictBinding, VersionState } from './version-state.js';

/** All that a decision about a version looks at, as of one position. */
export interface Standing {
  readonly version: VersionState;
  /** Of the run that made it. */
  readonly facts: RunFacts;
  /** Whether the policy of the newest verdict lets an overridden one through. */
  readonly admitsOverridden: boolean;
}

/** A standing with what is wanted for Production only, because it takes more reading. */
export interface FullStanding extends Standing {
  readonly compliance: Compliance;
}

/** So many persons have to approve a change to Production. */
export const APPROVALS_WANTED = 2;

/** How decisions refer to the newest verdict; null where the run was not judged. */
export function bindingOf({ facts: { verdict } }: Pick<Standing, 'facts'>): VerdictBinding | null {
  return verdict && { id: verdict.id, seq: verdict.seq, hash: verdict.hash };
}

/** Whether the newest verdict blocks a version that people rely on. */
export function isContested({ version, facts }: Pick<Standing, 'version' | 'facts'>): boolean {
  const stage = version.stages.at(-1)?.stage;
  return (stage === 'Staging' || stage === 'Production') && facts.verdict?.overall === 'blocked';
}

/** Why a person cannot approve a request: who asked, made the run or overrode a gate judges their own work. Null: they can. */
export function involvementOf(
  { facts }: Pick<Standing, 'facts'>,
  request: Pick<RequestEntry, 'actor'>,
  person: string,
): 'asked for it' | 'started the run' | 'overrode a gate of the run' | null {
  if (person === request.actor) return 'asked for it';
  if (person === facts.principal?.value) return 'started the run';
  return facts.overrides.some(({ actor }) => actor === person) ? 'overrode a gate of the run' : null;
}

/** The approvals of a request that count: of this artifact and the newest verdict, by persons not involved, one each. */
export function eligibleApprovals(standing: Standing, request: RequestEntry): readonly DecisionEntry[] {
  const { artifact } = standing.version;
  const verdict = bindingOf(standing);
  const persons = new Set<string>();
  return request.decisions.filter((decision) => {
    const counts =
      decision.is_given &&
      artifact.digest !== null &&
      decision.artifact === artifact.digest &&
      verdict !== null &&
      decision.verdict?.id === verdict.id &&
      decision.verdict.hash === verdict.hash &&
      !involvementOf(standing, request, decision.actor) &&
      !persons.has(decision.actor);
    if (counts) persons.add(decision.actor);
    return counts;
  });
}

/** The digest of the run's final weights as they are known now; null: not hashed, or none. */
export const currentWeights = (facts: RunFacts): string | null => weightsOutput(facts)?.digest?.value ?? null;
