import fc from 'fast-check';
import type { EventPayload } from '@runseal/contracts';
import type { RunEvent } from '@runseal/rules';
import { openRequest, type Stage } from './version-state.js';
import { ADA, ASKER, BEN, EVE, Story, TRAINER, weights, WEIGHTS } from './story.fixture.js';

const PEOPLE = [TRAINER, ASKER, ADA, BEN, EVE] as const;

/** Whatever may happen to a version, in any order: commands, and events that others seal. */
type Step = readonly [name: string, act: (story: Story) => unknown];

const person = fc.constantFrom(...PEOPLE);
const overall = fc.constantFrom('passed', 'passed', 'warnings', 'blocked', 'overridden');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom<Stage>('Staging', 'Staging', 'Production', 'Production', 'Archived', 'Candidate'),
      person,
      fc.boolean(),
    )
    .map(([to, who, isPerson]): Step => [`${who} asks for ${to}`, (story) => story.ask(to, who, isPerson)]),
  { weight: 4, arbitrary: person.map((who): Step => [`${who} approves`, (story) => story.approve(who)]) },
  person.map((who): Step => [`${who} refuses`, (story) => story.approve(who, { approves: false })]),
  overall.map((word): Step => [`the gates say ${word}`, (story) => story.judge(word)]),
  person.map((who): Step => [`${who} accepts`, (story) => story.acceptWarnings(who)]),
  person.map((who): Step => [`${who} overrides`, (story) => story.override(who)]),
  fc.constant<Step>([
    'other weights',
    (story) => story.tell('run.output-recorded', weights(`sha256:${'b'.repeat(64)}`), TRAINER),
  ]),
  // A registry without this code in it: approvals that no decision let through.
  fc
    .tuple(person, fc.constantFrom('right', 'right', 'other artifact', 'other verdict'))
    .map(([who, kind]): Step => [`${who} approves ${kind} behind its back`, (story) => smuggle(story, who, kind)]),
);

function smuggle(story: Story, who: string, kind: string): void {
  const { version, facts } = story.standing;
  const open = openRequest(version);
  const { id, seq, hash } = facts.verdict ?? { id: '', seq: 0, hash: '' };
  const verdict = { id, seq, hash: kind === 'other verdict' ? '0'.repeat(64) : hash };
  const artifact = kind === 'other artifact' ? `sha256:${'b'.repeat(64)}` : WEIGHTS;
  const payload = { version: 1, request: open?.id ?? '', artifact, verdict, meaning: 'review', reason: 'x' };
  story.tell('model.approval-given', payload, who);
}

/** The rule as GATES.md has it, read from the records alone: who approved a change that is sealed now. */
function countApprovals(records: readonly RunEvent[], change: RunEvent): number {
  const { request, verdict } = change.payload as EventPayload<'model.stage-changed'>;
  const before = records.filter(({ seq }) => seq < change.seq);
  const asked = before.find(({ id }) => id === request) as RunEvent;
  const involved = before.filter(({ type }) => type === 'run.gate-overridden').map(({ actor }) => actor);
  const judged = before.findLast(({ type }) => type === 'run.gates-evaluated');
  const persons = before
    .filter(({ type, seq }) => type === 'model.approval-given' && seq > asked.seq)
    .filter(({ payload }) => {
      const said = payload as EventPayload<'model.approval-given'>;
      return said.request === request && said.artifact === WEIGHTS && said.verdict?.hash === judged?.hash;
    })
    .map(({ actor }) => actor)
    .filter((actor) => ![asked.actor, before[0]?.actor, ...involved].includes(actor));
  return verdict?.hash === judged?.hash ? new Set(persons).size : 0;
}

const toProduction = (records: readonly RunEvent[]) =>
  records.filter(
    ({ type, payload }) =>
      type === 'model.stage-changed' && (payload as EventPayload<'model.stage-changed'>).to === 'Production',
  );

test('no sequence of commands and events reaches Production without two eligible approvals', () => {
  let reached = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.boolean(), (steps, isPatient) => {
      const story = Story.asked();
      for (const [, act] of steps) {
        act(story);
        // What is due may come at once, or after more has happened.
        if (isPatient) story.settle();
      }
      story.settle();
      const changes = toProduction(story.records);
      reached += changes.length;
      for (const change of changes) expect(countApprovals(story.records, change)).toBeGreaterThanOrEqual(2);
    }),
    { numRuns: 2_000 },
  );
  // Most sequences never get there; of the others there must be enough.
  expect(reached).toBeGreaterThan(100);
});
