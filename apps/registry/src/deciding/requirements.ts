// What each stage wants (GATES.md, "Registry stages"), as lists of what is not met: all of it, not the first.
import type { Compliance, VerdictFacts } from '@runseal/rules';
import { APPROVALS_WANTED, currentWeights, eligibleApprovals, type FullStanding, type Standing } from './standing.js';
import { openRequest, stageOf, type RequestEntry, type Stage, type Unmet, type VersionState } from './version-state.js';

/** For Candidate: the run finished, and its newest verdict lets it in. */
export function unmetForCandidate({ facts, admitsOverridden }: Standing): Unmet[] {
  const unmet: Unmet[] = [];
  if (facts.state !== 'finished') {
    unmet.push(unmetOf('run_finished', `the run is ${facts.state}`, 'a run that finished'));
  }
  const { verdict, acceptance, run_id } = facts;
  if (!verdict) return [...unmet, unmetOf('verdict', 'the run was not judged', 'a verdict of the gates')];
  const isAccepted = acceptance?.verdict === verdict.id && acceptance.verdict_hash === verdict.hash;
  if (verdict.overall === 'warnings' && !isAccepted) {
    const wanted = 'a person who accepts the warnings of this verdict';
    const command = `runseal accept-warnings ${run_id} --reason "..."`;
    unmet.push(unmetOf('warnings_accepted', `${wordsOf(verdict)}, not accepted`, wanted, command));
  }
  if (verdict.overall === 'blocked') {
    const wanted = 'passed, or warnings that a person accepted; "runseal why" explains each gate';
    unmet.push(unmetOf('verdict', wordsOf(verdict), wanted));
  }
  if (verdict.overall === 'overridden' && !admitsOverridden) {
    unmet.push(unmetOf('verdict', wordsOf(verdict), 'a policy that says overridden: admits, or a verdict of passed'));
  }
  return unmet;
}

/** For Staging: from Candidate, or back from Archived, and what Candidate wants holds still. */
export function unmetForStaging(standing: Standing): Unmet[] {
  const stage = stageOf(standing.version);
  const unmet = unmetForCandidate(standing);
  if (stage === 'Candidate' || stage === 'Archived') return unmet;
  // From None the verdict alone leads on; where it does not, that is said already.
  if (stage === 'None' && unmet.length > 0) return unmet;
  return [unmetOf('stage', stage, 'Candidate or Archived'), ...unmet];
}

/** For Production, without the approvals: from Staging, the same weights as registered, hashed, and every control met. */
export function unmetForProduction(standing: FullStanding): Unmet[] {
  const { version, facts, compliance } = standing;
  const unmet = unmetForCandidate(standing);
  const stage = stageOf(version);
  if (stage !== 'Staging') unmet.unshift(unmetOf('stage', stage, 'Staging', promote(version, 'Staging')));
  const { digest } = version.artifact;
  const current = currentWeights(facts);
  if (digest === null) {
    unmet.push(unmetOf('artifact', 'the final weights were not hashed', 'a digest that approvals can bind'));
  } else if (current !== digest) {
    const wanted = `the weights that were registered, ${digest}`;
    unmet.push(unmetOf('artifact', `the run now says ${current ?? 'none'}`, wanted));
  }
  return [...unmet, ...unmetControls(compliance)];
}

/** The controls that are neither met nor waived. */
export function unmetControls({ controls }: Compliance): Unmet[] {
  return controls
    .filter(({ state }) => state !== 'met' && state !== 'waived')
    .map(({ id, title, state, found, wanted, remedy }) => {
      const words = found === null ? state.replace('_', ' ') : `${state.replace('_', ' ')}: ${found}`;
      return unmetOf('compliance', `${id} (${title}): ${words}`, remedy === null ? wanted : `${wanted}. ${remedy}`);
    });
}

/** What an open request still lacks: persons. */
export function unmetApprovals(standing: Standing, request: RequestEntry): Unmet[] {
  const given = eligibleApprovals(standing, request);
  if (given.length >= APPROVALS_WANTED) return [];
  const words = given.length === 0 ? 'none that counts' : `1, by ${given[0]?.actor}`;
  const wanted = `approvals by ${APPROVALS_WANTED} persons who neither asked, started the run nor overrode a gate of it`;
  const { model, version } = standing.version;
  return [unmetOf('approvals', words, wanted, `runseal approve ${model} ${version} --reason "..."`)];
}

/** The stage that comes next, and all that is in its way; null where none follows. */
export function nextStep(standing: FullStanding): { readonly to: Stage; readonly unmet: readonly Unmet[] } | null {
  const { version } = standing;
  switch (stageOf(version)) {
    case 'None':
      return { to: 'Candidate', unmet: unmetForCandidate(standing) };
    case 'Candidate':
    case 'Archived':
      return { to: 'Staging', unmet: [...unmetForStaging(standing), unasked(version, 'Staging')] };
    case 'Staging': {
      const request = openRequest(version);
      const people = request ? unmetApprovals(standing, request) : [unasked(version, 'Production')];
      return { to: 'Production', unmet: [...unmetForProduction(standing), ...people] };
    }
    case 'Production':
      return null;
  }
}

const unasked = (version: VersionState, to: Stage): Unmet =>
  unmetOf('request', 'nobody asked for it', `a request for ${to}`, promote(version, to));

export const promote = ({ model, version }: Pick<VersionState, 'model' | 'version'>, to: Stage): string =>
  `runseal promote ${model} ${version} --to ${to} --reason "..."`;

const FOUND_MAX = 2_000;

export const unmetOf = (requirement: string, found: string, wanted: string, command: string | null = null): Unmet => ({
  requirement,
  found: found.slice(0, FOUND_MAX),
  wanted: wanted.slice(0, FOUND_MAX),
  command,
});

/** `blocked by G1 stability, G4 baseline`: the gates that made it so. */
function wordsOf({ overall, gates }: VerdictFacts): string {
  const isAgainst = (severity: string) => (overall === 'warnings' ? severity !== 'info' : severity === 'block');
  const against = gates.filter(
    ({ severity, verdict, shadow }) => !shadow && isAgainst(severity) && verdict !== 'pass' && verdict !== 'skipped',
  );
  const names = against.map(({ id, name }) => `${id} ${name}`).join(', ');
  return names === '' ? overall : `${overall} by ${names}`;
}
