import { digestField, field, type AuditField, type IsRegistered } from './audit-field.js';
import { auditFields } from './audit-gaps.js';
import type { ControlState, Finding, Judging } from './compliance.js';
import type { MaybeFact, ParameterValue, RunFacts } from './run-facts.js';
import { weightsOutput } from './weights.js';

export interface ChecklistItem extends Finding {
  readonly id:
    | 'dataset_versioned'
    | 'config_in_git'
    | 'experiment_named'
    | 'seed_set'
    | 'reported'
    | 'logging_steps'
    | 'eval_steps'
    | 'save_steps'
    | 'gates_passed'
    | 'model_hashed'
    | 'record_complete'
    | 'in_registry';
  readonly phase: 'before' | 'during' | 'after';
  readonly title: string;
}

/** The document's quick checklist: what to do before, during and after training, and how it stands. */
export function checklistOf(facts: RunFacts, judging: Judging): readonly ChecklistItem[] {
  const fields = auditFields(facts, judging.isRegistered);
  const of = (...names: string[]) => findingOf(fields.filter(({ field: name }) => names.includes(name)));
  const before = 'before';
  const [during, after] = ['during', 'after'] as const;
  return [
    {
      ...{ id: 'dataset_versioned', phase: before, title: 'Data set versioned and hashed' },
      ...of('input_artifacts.dataset.version', 'input_artifacts.dataset.hash'),
    },
    {
      ...{ id: 'config_in_git', phase: before, title: 'Configuration in git' },
      ...of('input_artifacts.config.git_commit'),
    },
    { id: 'experiment_named', phase: before, title: 'Experiment made', ...of('training_record.experiment_id') },
    { id: 'seed_set', phase: before, title: 'Seed set', ...of('reproducibility.seeds.seed') },
    { id: 'reported', phase: during, title: 'Reported while it trained', ...reported(facts) },
    { id: 'logging_steps', phase: during, title: 'logging_steps configured', ...steps(facts, 'logging') },
    { id: 'eval_steps', phase: during, title: 'eval_steps configured', ...steps(facts, 'eval') },
    { id: 'save_steps', phase: during, title: 'save_steps configured', ...steps(facts, 'save') },
    { id: 'gates_passed', phase: after, title: 'Quality gates passed', ...gatesPassed(facts, judging) },
    { id: 'model_hashed', phase: after, title: 'Model hashed', ...modelHashFinding(facts, judging.isRegistered) },
    { id: 'record_complete', phase: after, title: 'Audit record complete', ...findingOf(fields) },
    { id: 'in_registry', phase: after, title: 'Model in the registry', ...inRegistry(judging) },
  ];
}

const finding = (state: ControlState, rest: Partial<Finding> & Pick<Finding, 'wanted'>): Finding => ({
  ...{ state, found: null, remedy: null, seqs: [], until: null, by: null },
  ...rest,
});

/** What several fields of G6 amount to: the worst of them, and the records of all. */
export function findingOf(fields: readonly AuditField[]): Finding {
  const gaps = fields.filter(({ state }) => state !== 'present');
  const wrong = gaps.find(({ state }) => state !== 'missing') ?? gaps[0];
  const seqs = [...new Set(fields.flatMap(({ seq }) => seq ?? []))].sort((left, right) => left - right);
  if (!wrong) {
    const only = fields.length === 1 ? fields[0] : undefined;
    const found = only ? only.found : `${fields.length} fields`;
    return finding('met', { found, wanted: only?.wanted ?? 'every field', seqs });
  }
  const { found, wanted, remedy, state } = wrong;
  const others = gaps.length > 1 ? ` (and ${gaps.length - 1} other fields)` : '';
  const said = {
    found: gaps.length > 1 ? `${wrong.field}: ${found ?? 'nothing'}${others}` : found,
    wanted,
    remedy,
    seqs,
  };
  return finding(state === 'missing' ? 'missing' : 'not_met', said);
}

/** The digest of the final weights; of a folder without one every file's. */
export function modelHashFinding(facts: RunFacts, isRegistered: IsRegistered): Finding {
  const name = 'output_artifacts.adapter.hash';
  const wanted = 'the sha256 of the final weights, registered';
  const remedy = 'Record the final weights as an output of role weights, hashed.';
  const weights = weightsOutput(facts);
  const files = weights?.digest ? [] : (weights?.files ?? []);
  if (!weights || files.length === 0) {
    return findingOf([digestField(name, weights?.digest ?? null, { isRegistered, wanted, remedy })]);
  }
  return findingOf(
    files.map(({ path, digest }) =>
      digest === null
        ? field(name, { state: 'incomplete', found: `${path} without a hash`, wanted, seq: weights.seq, remedy })
        : digestField(name, { value: digest, seq: weights.seq }, { isRegistered, wanted, remedy }),
    ),
  );
}

const parameterOf = ({ parameters }: RunFacts, ...names: string[]): MaybeFact<ParameterValue> => {
  const name = names.find((known) => Object.hasOwn(parameters, known) && parameters[known]?.value != null);
  return name === undefined ? null : (parameters[name] ?? null);
};

/**
 * What trainers can report a row to as soon as it is logged: the integrations of transformers and LLaMA-Factory that take
 * metrics while a run trains, and ours. codecarbon measures emissions and flyte waits for the end, so they are not among them.
 */
const TRACKERS = [
  ...[
    'azure_ml',
    'clearml',
    'comet_ml',
    'dagshub',
    'dvclive',
    'mlflow',
    'neptune',
    'runseal',
    'swanlab',
    'tensorboard',
  ],
  ...['trackio', 'wandb'],
];

/**
 * Rows that came while the run went on; of a run read in afterwards the setting that sent them to a tracker. `all` means
 * whatever was installed, which may be nothing: where they went is not told then, nor by a name that nobody knows here.
 */
function reported(facts: RunFacts): Finding {
  const wanted = 'rows sent while it trained: report_to: mlflow or another tracker, or the client';
  const { started, progress } = facts;
  if (started?.recorded.value === 'live' && progress.newest) {
    const found = `${progress.rows} rows, recorded live`;
    return finding('met', { found, wanted, seqs: [started.seq, progress.newest.seq] });
  }
  const remedy = 'Train with report_to: mlflow or with the client, so that rows come while it trains.';
  const target = parameterOf(facts, 'report_to');
  if (!target) return finding('missing', { wanted, remedy });
  const names = [target.value].flat().map(String);
  const said = { found: `report_to: ${names.join(', ') || 'none'}`, wanted, seqs: [target.seq] };
  if (names.some((name) => TRACKERS.includes(name))) return finding('met', said);
  const isOff = names.every((name) => name === 'none' || name === '');
  return finding(isOff ? 'not_met' : 'missing', { ...said, remedy });
}

/** The interval, unless the strategy switches it off or needs none. A file may name an interval though nothing is evaluated. */
function steps(facts: RunFacts, what: 'logging' | 'eval' | 'save'): Finding {
  const strategy = parameterOf(facts, `${what}_strategy`, ...(what === 'eval' ? ['evaluation_strategy'] : []));
  const interval = parameterOf(facts, `${what}_steps`);
  const wanted = `${what}_steps above 0, or ${what}_strategy: epoch`;
  const remedy = `Set ${what}_strategy: steps and ${what}_steps in the configuration, and record it.`;
  const seqs = [strategy, interval].flatMap((told) => told?.seq ?? []);
  const words = (name: string, told: MaybeFact<ParameterValue>) =>
    told ? [`${what}_${name}: ${String(told.value)}`] : [];
  const found = [...words('strategy', strategy), ...words('steps', interval)].join(', ') || null;
  const said = { found, wanted, seqs };
  if (strategy?.value === 'no') return finding('not_met', { ...said, remedy });
  if (strategy?.value === 'epoch') return finding('met', said);
  if (!interval) return finding('missing', { ...said, remedy });
  if (typeof interval.value !== 'number' || !(interval.value > 0)) return finding('not_met', { ...said, remedy });
  if (what === 'eval' && !strategy && !Object.hasOwn(facts.metric_keys, 'eval_loss')) {
    return finding('missing', { ...said, found: `${found}, but no evaluation came`, remedy });
  }
  return finding('met', said);
}

/** Accepted warnings count, an overridden verdict is waived: it is never shown as passed. */
function gatesPassed(facts: RunFacts, { verdict }: Judging): Finding {
  const wanted = 'a verdict of passed, or warnings that a person has accepted';
  if (!verdict)
    return finding('missing', { wanted, remedy: 'End the run, or ask for a verdict: the gates judge then.' });
  const { overall, seq } = verdict;
  if (overall === 'passed') return finding('met', { found: overall, wanted, seqs: [seq] });
  const { acceptance } = facts;
  if (overall === 'warnings' && acceptance?.verdict_hash === verdict.hash) {
    const found = `warnings, accepted by ${acceptance.actor}`;
    return finding('met', { found, wanted, seqs: [seq, acceptance.seq] });
  }
  if (overall === 'overridden') {
    const override = facts.overrides.findLast((given) => given.seq < seq);
    const seqs = override ? [override.seq, seq] : [seq];
    const [until, by] = [override?.expires_at ?? null, override?.actor ?? null];
    return finding('waived', { found: overall, wanted, seqs, until, by });
  }
  const remedy =
    overall === 'warnings'
      ? 'Read the warnings (runseal why) and accept them (runseal accept-warnings).'
      : 'Ask runseal why.';
  return finding('not_met', { found: overall, wanted, remedy, seqs: [seq] });
}

function inRegistry({ modelVersion }: Judging): Finding {
  const wanted = 'a version of a model in the registry';
  if (!modelVersion) {
    const remedy = 'Finish the run with an output of role weights: the registry takes it in by itself.';
    return finding('missing', { wanted, remedy });
  }
  const { model, version, seq } = modelVersion;
  return finding('met', { found: `${model} version ${version}`, wanted, seqs: [seq] });
}
