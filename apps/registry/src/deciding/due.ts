// What the registry seals by itself: nobody commands it, a record makes it due. Each is sealed once, because its id is derived
// from the record that made it due.
import { modelNameOf, weightsOutput, type RunFacts } from '@runseal/rules';
import { refuseTransition, type NewEvent } from './decide.js';
import { promote, unmetForCandidate, unmetForProduction, unmetOf } from './requirements.js';
import { APPROVALS_WANTED, bindingOf, eligibleApprovals, type FullStanding, type Standing } from './standing.js';
import { openRequest, stageOf, type RequestEntry } from './version-state.js';

/**
 * `register`: a finished run with weights is no version yet; `admit`: the verdict makes a candidate; `complete`: the open request
 * has its approvals; `overtake`: a newer verdict than the one that the open request rests on.
 */
export type DueKind = 'register' | 'admit' | 'complete' | 'overtake';

/** What is due for a run that is no version yet. */
export function dueForRun(facts: RunFacts): 'register' | null {
  return facts.state === 'finished' && weightsOutput(facts) && modelNameOf(facts) !== null ? 'register' : null;
}

/** What is due for a version. */
export function dueForVersion(standing: Standing): Exclude<DueKind, 'register'> | null {
  const { version, facts } = standing;
  const stage = stageOf(version);
  if (stage === 'None') return unmetForCandidate(standing).length === 0 ? 'admit' : null;
  const open = openRequest(version);
  if (open?.to !== 'Production') return null;
  if (facts.verdict && facts.verdict.seq > open.seq) return 'overtake';
  return eligibleApprovals(standing, open).length >= APPROVALS_WANTED ? 'complete' : null;
}

/** The event that is due; null where it is not any more. `idOf` derives the id from its type. */
export function decideDue(
  kind: Exclude<DueKind, 'register'>,
  standing: FullStanding,
  idOf: (type: NewEvent['type']) => string,
): NewEvent | null {
  if (dueForVersion(standing) !== kind) return null;
  const { version } = standing;
  if (kind === 'admit') {
    const payload = {
      ...({ version: version.version, from: 'None', to: 'Candidate', request: null, reason: null } as const),
      verdict: bindingOf(standing),
      approvals: [],
    };
    return { id: idOf('model.stage-changed'), type: 'model.stage-changed', payload };
  }
  const open = openRequest(version) as RequestEntry;
  const unmet = kind === 'overtake' ? [overtaken(standing)] : unmetForProduction(standing);
  if (unmet.length > 0) {
    const id = idOf('model.transition-refused');
    return refuseTransition(standing, { id, to: 'Production', request: open.id, reason: open.reason, unmet });
  }
  return {
    id: idOf('model.stage-changed'),
    type: 'model.stage-changed',
    payload: {
      ...({ version: version.version, from: 'Staging', to: 'Production', request: open.id } as const),
      verdict: bindingOf(standing),
      approvals: eligibleApprovals(standing, open)
        .slice(0, APPROVALS_WANTED)
        .map(({ id }) => id),
      reason: open.reason,
    },
  };
}

function overtaken({ version, facts }: Standing) {
  const { verdict } = facts;
  const found = `a newer verdict, ${verdict?.overall} at record ${verdict?.seq}: it voids what was approved before`;
  return unmetOf('verdict', found, 'the verdict that the request rests on', promote(version, 'Production'));
}
