import { checklistOf } from './checklist.js';
import { complianceOf, worstOf, type Judging } from './compliance.js';
import { documentEvents, documentEventsBut } from './document-run.fixture.js';
import { evolveRun, newRunFacts } from './evolve-run.js';
import type { RunEvent } from './run-event.js';
import { event } from './run.fixture.js';

const version = { model: 'exp-20250126-001', version: 1, seq: 42 };
const judge = (events: readonly RunEvent[], judging: Partial<Judging> = {}) => {
  const facts = events.reduce(evolveRun, newRunFacts());
  const all = { verdict: facts.verdict, isRegistered: () => true, modelVersion: version, waivers: [], ...judging };
  return { compliance: complianceOf(facts, all), checklist: checklistOf(facts, all) };
};
const unmet = ({ compliance: { controls } }: ReturnType<typeof judge>) =>
  controls.filter(({ state }) => state !== 'met').map(({ id, state }) => `${id} ${state}`);
const item = (events: readonly RunEvent[], id: string, judging: Partial<Judging> = {}) =>
  judge(events, judging).checklist.find((known) => known.id === id);
const overall = (state: string) => documentEventsBut(41, { overall: state });

it('meets every control for the document’s run, each with the records that show it', () => {
  const judged = judge(documentEvents);
  expect(unmet(judged)).toEqual([]);
  expect(judged.compliance).toMatchObject({ version: 1, overall: 'met' });
  const seqsOf = Object.fromEntries(judged.compliance.controls.map(({ id, seqs }) => [id, seqs]));
  expect(seqsOf).toMatchObject({
    'audit.dataset_hash': [13],
    'audit.config_version': [14],
    'audit.model_hash': [30],
    'audit.experiment_id': [10],
    'audit.timestamp': [10, 40],
    'checklist.gates_passed': [41],
    'checklist.in_registry': [42],
    'g6.reproducibility.seeds.seed': [15],
  });
});

it('has the document’s five audit metrics, its twelve items and G6’s fields, each id once', () => {
  const ids = judge(documentEvents).compliance.controls.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const count = (prefix: string) => ids.filter((id) => id.startsWith(prefix)).length;
  expect([count('audit.'), count('checklist.'), count('g6.')]).toEqual([5, 12, 34]);
});

it('is as bad as its worst control: known to be wrong, then unknown, then waived', () => {
  expect(worstOf(['met', 'waived', 'missing', 'not_met'])).toBe('not_met');
  expect(worstOf(['met', 'waived', 'missing'])).toBe('missing');
  expect(worstOf(['met', 'waived'])).toBe('waived');
  expect(worstOf(['met', 'met'])).toBe('met');
});

it('tells a missing commit from a short one', () => {
  const git = (commit: string | null) => ({ git: { repository: null, commit, dirty: false } });
  const states = (state: string) =>
    ['audit.config_version', 'checklist.config_in_git', 'checklist.record_complete'].map((id) => `${id} ${state}`);
  const field = 'g6.input_artifacts.config.git_commit';
  expect(unmet(judge(documentEventsBut(14, git(null))))).toEqual([...states('missing'), `${field} missing`]);
  expect(unmet(judge(documentEventsBut(14, git('7890abc'))))).toEqual([...states('not_met'), `${field} not_met`]);
});

it('shows a waiver with its end and its giver, and leaves alone what is met', () => {
  const waivers = ['checklist.in_registry', 'audit.dataset_hash'].map((control) => ({
    ...{ control, by: 'p_reviewer', until: '2026-12-31T00:00:00Z', reason: 'shown elsewhere', seq: 77 },
  }));
  const judged = judge(documentEvents, { modelVersion: null, waivers });
  expect(unmet(judged)).toEqual(['checklist.in_registry waived']);
  expect(judged.compliance.overall).toBe('waived');
  expect(judged.compliance.controls.find(({ state }) => state === 'waived')).toMatchObject({
    ...{ by: 'p_reviewer', until: '2026-12-31T00:00:00Z', seqs: [77] },
  });
});

describe('the gates’ item', () => {
  const accepted = (verdict_hash: string) => event(50, 'run.warnings-accepted', { verdict_hash }, { actor: 'p_lead' });
  const hash = (41).toString(16).padStart(64, '0');

  it('is met by a pass, missing without a verdict, and not met by a block', () => {
    expect(item(documentEvents, 'gates_passed')).toMatchObject({ state: 'met', found: 'passed' });
    expect(item(documentEventsBut(41), 'gates_passed')).toMatchObject({ state: 'missing', found: null });
    expect(item(overall('blocked'), 'gates_passed')).toMatchObject({ state: 'not_met', found: 'blocked' });
  });

  it('takes warnings only where a person has accepted those of this verdict', () => {
    expect(item(overall('warnings'), 'gates_passed')?.state).toBe('not_met');
    expect(item([...overall('warnings'), accepted(hash)], 'gates_passed')).toMatchObject({
      state: 'met',
      seqs: [41, 50],
    });
    expect(item([...overall('warnings'), accepted('0'.repeat(64))], 'gates_passed')?.state).toBe('not_met');
    expect(item([...overall('blocked'), accepted(hash)], 'gates_passed')?.state).toBe('not_met');
  });

  it('shows an overridden verdict as waived, never as met', () => {
    const override = {
      gate: 'G4',
      verdict: '',
      verdict_hash: hash,
      reason: 'set corrected',
      expires_at: '2026-02-26T00:00:00Z',
    };
    const events = [
      ...documentEvents,
      event(50, 'run.gate-overridden', override, { actor: 'p_lead' }),
      event(51, 'run.gates-evaluated', { overall: 'overridden' }),
    ];
    expect(item(events, 'gates_passed')).toMatchObject({
      ...{ state: 'waived', by: 'p_lead', until: '2026-02-26T00:00:00Z', seqs: [50, 51] },
    });
  });
});

describe('settings of training', () => {
  const parameters = (values: object) => documentEventsBut(16, { parameters: values });
  const of = (id: string, values: object) => item(parameters(values), id)?.state;

  it.each([
    ['logging_steps', { logging_steps: 10 }, 'met'],
    ['logging_steps', { logging_steps: 0 }, 'not_met'],
    ['logging_steps', { logging_strategy: 'no', logging_steps: 10 }, 'not_met'],
    ['logging_steps', { x: 1 }, 'missing'],
    ['eval_steps', { eval_strategy: 'epoch' }, 'met'],
    ['eval_steps', { evaluation_strategy: 'no', eval_steps: 100 }, 'not_met'],
    ['eval_steps', { eval_steps: '100' }, 'not_met'],
    ['save_steps', { save_strategy: 'steps', save_steps: 500 }, 'met'],
    ['save_steps', { save_steps: null }, 'missing'],
  ])('%s with %j: %s', (id, values, state) => {
    expect(of(id, values)).toBe(state);
  });

  it('does not take an interval for an evaluation where none came', () => {
    // trainer_state.json holds eval_steps 500 of a run that never evaluates.
    const silent = parameters({ eval_steps: 500 }).map((known) =>
      known.type === 'run.metrics-logged' ? ({ ...known, payload: { ...known.payload, rows: [] } } as RunEvent) : known,
    );
    expect(item(silent, 'eval_steps')?.state).toBe('missing');
    expect(of('eval_steps', { eval_steps: 500 })).toBe('met');
  });

  describe('reported while it trained', () => {
    const afterwards = (report_to: unknown) =>
      item(
        parameters(report_to === undefined ? { x: 1 } : { report_to }).map((known) =>
          known.seq === 10 ? ({ ...known, payload: { ...known.payload, recorded: 'afterwards' } } as RunEvent) : known,
        ),
        'reported',
      );

    it('is met by rows that came live, whatever the setting', () => {
      expect(item(parameters({ report_to: 'none' }), 'reported')).toMatchObject({
        state: 'met',
        found: expect.stringMatching(/^\d+ rows, recorded live$/) as string,
      });
    });

    it.each([
      ['mlflow', 'met', 'mlflow'],
      ['wandb', 'met', 'wandb'],
      [['none', 'tensorboard'], 'met', 'none, tensorboard'],
      [['runseal'], 'met', 'runseal'],
      ['none', 'not_met', 'none'],
      [['none'], 'not_met', 'none'],
      [[], 'not_met', 'none'],
      ['', 'not_met', 'none'],
      // Whatever was installed, perhaps nothing: nobody told.
      ['all', 'missing', 'all'],
      ['codecarbon', 'missing', 'codecarbon'],
      ['MLflow', 'missing', 'MLflow'],
    ])('of a run read in afterwards with report_to %j it is %s', (report_to, state, found) => {
      expect(afterwards(report_to)).toMatchObject({ state, found: `report_to: ${found}`, seqs: [16] });
    });

    it('is missing where no setting is told, and the document’s setting is what it asks for', () => {
      expect(afterwards(undefined)).toMatchObject({
        ...{ state: 'missing', found: null, seqs: [] },
        wanted: expect.stringContaining('report_to: mlflow') as string,
        remedy: expect.stringContaining('report_to: mlflow') as string,
      });
    });
  });
});

it('takes the hashes of all files for the model’s where the folder has none', () => {
  const files = (digest: string | null) => ({
    digest: null,
    files: [
      { path: 'a', digest: `sha256:${'1'.repeat(64)}`, size_bytes: null },
      { path: 'b', digest, size_bytes: null },
    ],
  });
  expect(item(documentEventsBut(30, files(`sha256:${'2'.repeat(64)}`)), 'model_hashed')?.state).toBe('met');
  expect(item(documentEventsBut(30, files(null)), 'model_hashed')).toMatchObject({
    state: 'not_met',
    found: 'b without a hash',
  });
  expect(item(documentEventsBut(30), 'model_hashed')?.state).toBe('missing');
});
