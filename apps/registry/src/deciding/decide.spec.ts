import { decideDue } from './due.js';
import { nextStep } from './requirements.js';
import { isContested } from './standing.js';
import { ADA, ASKER, BEN, EVE, MODEL, REGISTRY, Story, TRAINER, unmetOf, weights, WEIGHTS } from './story.fixture.js';
import { openRequest } from './version-state.js';

const lastOf = ({ records }: Story) => records.at(-1);

describe('a run', () => {
  it('that finished with weights becomes a version at None, with what made it so', () => {
    const story = new Story().train();
    expect(story.due()).toBe('register');
    story.settle();
    expect(story.version).toMatchObject({
      model: MODEL,
      version: 1,
      artifact: { digest: WEIGHTS, path: 'out', type: 'lora' },
    });
    expect(lastOf(story)?.payload).toMatchObject({ trigger: { seq: 2 } });
    expect(story.stage).toBe('None');
  });

  it('that failed, or made no weights, becomes none', () => {
    expect(new Story().train('run.failed').due()).toBeNull();
    expect(new Story().train('run.finished', 'none').judge().due()).toBeNull();
  });

  it('waits for its weights where they are told after its end', () => {
    const story = new Story().train('run.finished', 'none');
    story.tell('run.output-recorded', weights(WEIGHTS), TRAINER);
    expect(story.due()).toBe('register');
  });
});

describe('None to Candidate', () => {
  it.each(['passed', 'warnings', 'blocked', 'overridden'] as const)('with a verdict of %s', (overall) => {
    const story = new Story().train().judge(overall).settle();
    expect(story.stage).toBe(overall === 'passed' ? 'Candidate' : 'None');
  });

  it('comes whichever is sealed first, version or verdict', () => {
    expect(new Story().train().settle().judge().settle().stage).toBe('Candidate');
  });

  it('comes with warnings once a person accepted those of the newest verdict', () => {
    const story = new Story().train().judge('warnings').settle();
    expect(nextStep(story.standing)).toMatchObject({
      to: 'Candidate',
      unmet: [{ requirement: 'warnings_accepted', command: expect.stringContaining('runseal accept-warnings') }],
    });
    story.acceptWarnings(EVE).judge('warnings').settle();
    expect(story.stage).toBe('None');
    story.acceptWarnings(EVE).settle();
    expect(story.stage).toBe('Candidate');
  });

  it('comes with an override only where the policy admits it', () => {
    const story = new Story().train().judge('overridden').settle();
    story.admitsOverridden = true;
    expect(story.settle().stage).toBe('Candidate');
  });

  it('does not come while the run goes on again', () => {
    const story = new Story().train().settle();
    const attempt = { resumes: null, total_steps: null, total_epochs: null, processes: null, asserted: [] };
    story.tell('run.attempt-started', attempt, TRAINER);
    expect(story.judge().settle().stage).toBe('None');
    expect(nextStep(story.standing)?.unmet).toMatchObject([
      { requirement: 'run_finished', found: 'the run is running' },
    ]);
  });

  it('is nothing that one can ask for', () => {
    const story = new Story().train().judge('blocked').settle();
    expect(unmetOf(story.ask('Candidate'))).toEqual(['stage', 'verdict']);
    expect(unmetOf(Story.candidate().ask('None'))).toEqual(['stage']);
    expect(lastOf(story)).toMatchObject({
      type: 'model.transition-refused',
      payload: { to: 'Candidate', request: null },
    });
  });
});

describe('Staging', () => {
  it('comes at once, with the request that led to it and the verdict that it rests on', () => {
    const story = Story.candidate();
    story.ask('Staging');
    const [request, change] = story.records.slice(-2);
    expect(change?.payload).toMatchObject({ from: 'Candidate', to: 'Staging', request: request?.id, approvals: [] });
    expect(change?.payload).toMatchObject({ verdict: { id: story.facts.verdict?.id } });
    expect([story.stage, openRequest(story.standing.version)]).toEqual(['Staging', null]);
  });

  it('is refused to a version that is none, with every reason', () => {
    const story = new Story().train().judge('blocked').settle();
    const decision = story.ask('Staging');
    expect(decision).toMatchObject({ unmet: [{ requirement: 'verdict', found: 'blocked by G4 baseline' }] });
    story.tell('run.failed', { ...lastEnd(story), error: null, exit_code: 1, signal: null } as never, TRAINER);
    expect(unmetOf(story.ask('Staging'))).toEqual(['run_finished', 'verdict']);
  });

  it('is refused where the verdict of a candidate has changed since', () => {
    expect(unmetOf(Story.candidate().judge('blocked').ask('Staging'))).toEqual(['verdict']);
    expect(unmetOf(Story.candidate().judge('warnings').ask('Staging'))).toEqual(['warnings_accepted']);
  });

  it('is the way back from Archived, by a new request', () => {
    const story = Story.asked();
    story.ask('Archived');
    expect(unmetOf(story.ask('Production'))).toEqual(['stage']);
    story.ask('Staging');
    expect(story.stage).toBe('Staging');
    expect(unmetOf(story.ask('Staging'))).toEqual(['stage']);
  });
});

describe('Production', () => {
  it('comes when two others have approved the request', () => {
    const story = Story.asked();
    story.approve(ADA);
    expect(story.due()).toBeNull();
    story.approve(BEN);
    expect(story.due()).toBe('complete');
    story.settle();
    const approvals = story.records.filter(({ type }) => type === 'model.approval-given').map(({ id }) => id);
    expect(lastOf(story)).toMatchObject({
      actor: REGISTRY,
      payload: { to: 'Production', approvals, reason: 'because' },
    });
    expect(story.standing.version.requests.at(-1)).toMatchObject({ outcome: 'granted' });
  });

  it('is refused with every unmet requirement at once', () => {
    const story = Story.candidate().judge('blocked');
    story.tell('run.output-recorded', { ...weights(`sha256:${'b'.repeat(64)}`) }, TRAINER);
    story.compliance = controls('audit.dataset_hash', 'missing');
    expect(unmetOf(story.ask('Production', 'job', false))).toEqual([
      'person',
      'stage',
      'verdict',
      'artifact',
      'compliance',
    ]);
    const refusal = lastOf(story)?.payload as { unmet: { command: string | null }[] };
    expect(refusal.unmet[1]?.command).toBe(`runseal promote ${MODEL} 1 --to Staging --reason "..."`);
  });

  it('wants weights that were hashed', () => {
    const story = new Story().train('run.finished', null).judge().settle();
    story.ask('Staging');
    expect(unmetOf(story.ask('Production'))).toEqual(['artifact']);
  });

  it('takes waived controls for met', () => {
    const story = Story.candidate();
    story.ask('Staging');
    story.compliance = controls('audit.dataset_hash', 'waived');
    expect(unmetOf(story.ask('Production'))).toEqual([]);
    expect(unmetOf(story.ask('Production'))).toEqual(['request']);
  });

  it.each([
    ['who asked', ASKER],
    ['who started the run', TRAINER],
    ['who overrode a gate', EVE],
  ])('takes no approval by %s', (_who, actor) => {
    const story = Story.candidate().override(EVE);
    story.ask('Staging');
    story.ask('Production');
    expect(unmetOf(story.approve(actor))).toEqual(['independence']);
    story.approve(ADA);
    expect(story.due()).toBeNull();
  });

  it('takes one approval a person, of the open request only, and none by a service', () => {
    const story = Story.asked();
    story.approve(ADA);
    expect(unmetOf(story.approve(ADA))).toEqual(['approvals']);
    expect(unmetOf(story.approve(BEN, { isPerson: false }))).toEqual(['person']);
    expect(unmetOf(story.approve(BEN, { request: '019bfab0-0000-7000-8000-000000000000' }))).toEqual(['request']);
    expect(unmetOf(Story.candidate().approve(BEN))).toEqual(['request']);
    expect(story.due()).toBeNull();
  });

  it('no longer counts an approval by somebody who overrides a gate afterwards', () => {
    const story = Story.asked();
    story.approve(ADA);
    story.override(ADA);
    story.approve(BEN);
    expect(story.due()).toBeNull();
    expect(nextStep(story.standing)?.unmet).toMatchObject([{ requirement: 'approvals', found: '1, by ben' }]);
    story.approve(EVE);
    expect(story.settle().stage).toBe('Production');
  });

  it('does not come after a refusal, by whomever', () => {
    const story = Story.asked();
    story.approve(ADA);
    story.approve(TRAINER, { approves: false });
    expect(unmetOf(story.approve(BEN))).toEqual(['request']);
    expect(story.standing.version.requests.at(-1)).toMatchObject({ outcome: 'refused' });
    expect(unmetOf(story.ask('Production'))).toEqual([]);
  });

  it('is refused by a newer verdict, whatever it says: what was approved is void', () => {
    const story = Story.asked();
    story.approve(ADA);
    story.judge('passed');
    expect(story.due()).toBe('overtake');
    story.approve(BEN);
    story.settle();
    expect(lastOf(story)).toMatchObject({
      type: 'model.transition-refused',
      payload: { request: story.standing.version.requests.at(-1)?.id, unmet: [{ requirement: 'verdict' }] },
    });
    expect([story.stage, unmetOf(story.approve(BEN))]).toEqual(['Staging', ['request']]);
  });

  it('is refused at the last approval where a control is no longer met', () => {
    const story = Story.asked();
    story.approve(ADA);
    story.approve(BEN);
    story.compliance = controls('g6.output_artifacts.adapter.hash', 'not_met');
    story.settle();
    expect(lastOf(story)).toMatchObject({ type: 'model.transition-refused', payload: { to: 'Production' } });
    expect(story.stage).toBe('Staging');
  });

  it('is decided once: what is due is nothing any more after it was sealed', () => {
    const story = Story.asked();
    story.approve(ADA);
    story.approve(BEN);
    story.settle();
    expect(decideDue('complete', story.standing, () => 'x')).toBeNull();
  });

  it('is left for Archived by persons only, and shown as contested where the verdict turns', () => {
    const story = Story.asked();
    story.approve(ADA);
    story.approve(BEN);
    story.settle().judge('blocked').settle();
    expect([story.stage, isContested(story.standing)]).toEqual(['Production', true]);
    expect(unmetOf(story.ask('Archived', 'job', false))).toEqual(['person']);
    story.ask('Archived');
    expect([story.stage, isContested(story.standing)]).toEqual(['Archived', false]);
    expect(unmetOf(story.ask('Archived'))).toEqual(['stage']);
  });
});

describe('tags', () => {
  it('replace the names that they carry, and null takes one away', () => {
    const story = Story.candidate();
    story.tell('model.tags-set', { version: 1, tags: { owner: 'search', risk_class: 'limited' } }, ADA);
    story.tell('model.tags-set', { version: 1, tags: { owner: 'chat', risk_class: null, personal_data: 'none' } }, BEN);
    const { tags } = story.standing.version;
    expect(
      Object.fromEntries(Object.entries(tags).map(([name, { value, actor }]) => [name, `${value} ${actor}`])),
    ).toEqual({
      owner: 'chat ben',
      personal_data: 'none ben',
    });
  });

  it('from before the registration change nothing', () => {
    const story = new Story();
    story.tell('model.tags-set', { version: 1, tags: { owner: 'early' } }, ADA);
    story.train().judge().settle();
    expect(story.standing.version.tags).toEqual({});
  });
});

function controls(id: string, state: 'missing' | 'not_met' | 'waived') {
  const control = { id, title: id, state, found: null, wanted: 'it', remedy: null, seqs: [], until: null, by: null };
  return { version: 1 as const, overall: state, controls: [control] };
}

const lastEnd = (story: Story) => story.records.findLast(({ type }) => type === 'run.finished')?.payload ?? {};
