import type { VerdictAnswer } from '@runseal/gates';
import type { MetricsAnswer, MetricValue, ResourceSummary, RunAnswer, SeriesAnswer } from '@runseal/lineage';
import { canonicalMetric } from '@runseal/rules';
import { curveText } from './curve-text.js';
import { deletedText, remarks, resourcesLine } from './observed-text.js';
import { noPaint, type Paint } from './paint.js';
import { cell, duration, plain, shortDigest, shortTime, textTable, wrap } from './text-table.js';
import { gatesLine } from './verdict-text.js';

/** What `show` draws from. */
export interface Shown {
  readonly run: RunAnswer;
  /** Series of `DRAWN`. */
  readonly metrics: MetricsAnswer;
  /** All series, to be named with their newest value. */
  readonly others: Pick<MetricsAnswer, 'series' | 'omitted'>;
  readonly verdict: VerdictAnswer | null;
  readonly resources: ResourceSummary;
}

/** Curves that are drawn where they are there, in this order. */
export const DRAWN = ['loss', 'eval_loss', 'learning_rate', 'grad_norm'] as const;
const OTHERS_SHOWN = 8;
const CHECKPOINTS_SHOWN = 8;
const FAULTS_SHOWN = 20;

/** A run as a person reads it in a terminal. */
export function showText({ run, metrics, others, verdict, resources }: Shown, paint: Paint = noPaint): string {
  return [
    head(run, resources, paint),
    curves(run, metrics, others),
    judged(run, verdict, paint),
    materials(run),
    remarks(run),
    faults(run, paint),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function head(run: RunAnswer, resources: ResourceSummary, paint: Paint): string {
  const { summary, model } = run;
  const machine = resourcesLine(resources);
  const facts: [string, string | null][] = [
    ['run', run.run_id],
    ['experiment', run.experiment === null ? null : cell(run.experiment, 80)],
    ['state', stateOf(run, paint)],
    ['started', run.started_at === null ? null : shortTime(run.started_at)],
    ['ended', run.ended_at === null ? null : shortTime(run.ended_at)],
    ['took', run.duration_seconds === null ? null : duration(run.duration_seconds)],
    ['progress', steps(run.progress)],
    ['attempts', attemptsOf(run)],
    ['loss', summary.initial_loss === null ? null : `${cell(summary.initial_loss)} → ${cell(summary.final_loss)}`],
    ['eval loss', evalLoss(summary)],
    ['checkpoints', checkpointsOf(run)],
    ['resources', machine && wrap(machine, ' '.repeat(15)).trimStart()],
    ['model', model === null ? null : modelText(model, run.verdict, paint)],
  ];
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== null);
  const title = run.name === null ? run.run_id : cell(run.name, 100);
  return [title, ...known.map(([name, value]) => `  ${name.padEnd(13)}${value}`)].join('\n');
}

/** Contested is a version that people rely on while its run's newest verdict blocks. */
function modelText(
  { name, version, stage }: NonNullable<RunAnswer['model']>,
  verdict: RunAnswer['verdict'],
  paint: Paint,
): string {
  const isContested = verdict?.overall === 'blocked' && (stage === 'Staging' || stage === 'Production');
  return `${name} version ${version}, stage ${stage}${isContested ? `, ${paint('CONTESTED', 'contested')}` : ''}`;
}

/** The state, and why it broke off where somebody told. */
function stateOf({ state, end }: RunAnswer, paint: Paint): string {
  if (!end?.error) return paint(state);
  const text = wrap(`${state}: ${end.error}`, ' '.repeat(15)).trimStart();
  return paint(state) + text.slice(state.length);
}

function steps({ step, total, epochs, total_epochs }: RunAnswer['progress']): string | null {
  if (step === null) return null;
  const share = total === null || total <= 0 ? '' : ` of ${total} (${Math.floor((step / total) * 100)} %)`;
  const rounds =
    epochs === null ? '' : `, epoch ${cell(epochs)}${total_epochs === null ? '' : ` of ${cell(total_epochs)}`}`;
  return `step ${step}${share}${rounds}`;
}

function attemptsOf({ attempts }: RunAnswer): string | null {
  if (attempts.length < 2) return null;
  const resumed = attempts.flatMap(({ number, resumes }) =>
    resumes === null ? [] : [`${number} resumes${resumes.step === null ? '' : ` at step ${resumes.step}`}`],
  );
  return wrap([String(attempts.length), ...resumed].join('; '), ' '.repeat(15)).trimStart();
}

function evalLoss({ best_eval_loss, final_eval_loss, best_checkpoint }: RunAnswer['summary']): string | null {
  if (best_eval_loss === null && final_eval_loss === null) return null;
  const at = best_checkpoint === null ? '' : ` (${cell(best_checkpoint)})`;
  return `best ${cell(best_eval_loss)}${at}, of the final weights ${cell(final_eval_loss)}`;
}

function checkpointsOf(run: RunAnswer): string | null {
  const { checkpoints } = run;
  if (checkpoints.length === 0) return null;
  const all = checkpoints.map(({ step }) => step);
  if (all.length <= CHECKPOINTS_SHOWN) {
    return `at ${all.length === 1 ? 'step' : 'steps'} ${all.join(', ')}${deletedText(run)}`;
  }
  return `${all.length}, the last at steps ${all.slice(-CHECKPOINTS_SHOWN / 2).join(', ')}${deletedText(run)}`;
}

function curves({ summary, state }: RunAnswer, { series, diagnosis }: MetricsAnswer, others: Shown['others']): string {
  const drawn = DRAWN.flatMap((name) => series.filter((one) => isCurve(one, name)).map((one) => [name, one] as const));
  const named = namesOf(others);
  if (drawn.length === 0) {
    if (summary.rows > 0) return [wrap('no loss rows', '  '), ...named].join('\n');
    return `  no curves: ${state === 'running' ? 'no row has come yet' : 'the run has no metric rows'}`;
  }
  const width = Math.max(...drawn.map(([, { key }]) => key.length));
  return [
    ...drawn.map(([name, one]) => `  ${one.key.padEnd(width)}  ${curve(name, one, diagnosis)}`),
    wrap(diagnosis.explanation, '  '),
    ...named,
  ].join('\n');
}

function curve(name: string, { points }: SeriesAnswer, diagnosis: MetricsAnswer['diagnosis']): string {
  const { verdict, best_step } = diagnosis;
  const values: MetricValue[] = points.map(([, value]) => value);
  const word =
    name === 'eval_loss' && verdict === 'overfitting' && best_step !== null
      ? `best at step ${best_step}: stop here`
      : name === 'loss' && verdict !== 'unknown'
        ? verdict
        : '';
  const last = values.at(-1);
  return `${curveText(values)} ${last === undefined ? '' : cell(last)} ${word}`.trimEnd();
}

type Named = Pick<SeriesAnswer, 'key' | 'kind'>;

/** Whether a series is the curve of that name, by its own name or by the one that its trainer gives it. */
const isCurve = ({ key, kind }: Named, name: string): boolean =>
  kind !== 'summary' && canonicalMetric(key, kind) === name;

/** What else was logged, by name, with the newest values. */
function namesOf({ series, omitted }: Shown['others']): string[] {
  const isOther = (one: Named) => one.kind !== 'summary' && !DRAWN.some((name) => isCurve(one, name));
  // A name that is logged beside evaluations too is shown once.
  const rest = [
    ...new Map(series.toReversed().flatMap((one) => (isOther(one) ? [[one.key, one]] : []))).values(),
  ].reverse();
  const unnamed = omitted.filter(isOther).length;
  if (rest.length + unnamed === 0) return [];
  const shown = rest.slice(0, OTHERS_SHOWN).map(({ key, points }) => `${cell(key)} ${cell(points.at(-1)?.[1])}`);
  const more = rest.length - shown.length + unnamed;
  return [wrap(`also, newest values: ${shown.join(', ')}${more > 0 ? `, and ${more} metrics more` : ''}`, '  ')];
}

function judged(run: RunAnswer, verdict: VerdictAnswer | null, paint: Paint): string {
  if (verdict === null) {
    return run.state === 'running' ? '  not judged: the gates judge when a run ends' : '  not judged yet';
  }
  const accepted = verdict.accepted ? `, accepted by ${verdict.accepted.by}` : '';
  const gates = gatesLine(verdict.gates, paint);
  return `  ${paint(verdict.overall)}${accepted}: ${gates}\n  why: runseal why ${run.run_id}`;
}

function materials({ inputs, outputs }: RunAnswer): string {
  const rows = [...inputs.map((one) => ['in', one] as const), ...outputs.map((one) => ['out', one] as const)];
  if (rows.length === 0) return '';
  const table = textTable(
    ['', 'WHAT', 'NAME', 'DIGEST', 'BY'],
    rows.map(([way, one]) => [
      way,
      one.role === null || one.role === one.kind ? one.kind : `${one.kind} ${cell(one.role)}`,
      cell(one.name ?? one.path),
      shortDigest(one.digest),
      `record ${one.seq}`,
    ]),
  );
  return table.replace(/^/gm, '  ');
}

function faults({ faults: found }: RunAnswer, paint: Paint): string {
  if (found.length === 0) return '';
  const lines = found
    .slice(0, FAULTS_SHOWN)
    .map(({ message, seq, count }) =>
      wrap(`${plain(message)} (record ${seq}${count > 1 ? `, ${count} times` : ''})`, '    '),
    );
  const more = found.length - lines.length;
  return [
    paint('  faults, things that do not fit together:', 'warnings'),
    ...lines,
    ...(more > 0 ? [`    and ${more} more: runseal show --json`] : []),
  ].join('\n');
}
