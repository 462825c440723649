import type { MetricsAnswer, MetricValue, RunAnswer, SeriesAnswer } from '@runseal/lineage';
import { curveText } from './curve-text.js';
import { cell, textTable } from './text-table.js';
import { gatesLine, type VerdictAnswer } from './verdict-text.js';

/** Curves that are drawn where they are there, in this order. */
const CURVES = [
  ['loss', 'train'],
  ['eval_loss', 'eval'],
  ['learning_rate', 'train'],
  ['grad_norm', 'train'],
] as const;

/** A run as a person reads it in a terminal. */
export function showText(run: RunAnswer, metrics: MetricsAnswer, verdict: VerdictAnswer | null): string {
  return [head(run), curves(metrics), judged(run, verdict), materials(run), faults(run)]
    .filter((part) => part !== '')
    .join('\n\n');
}

function head(run: RunAnswer): string {
  const { progress, attempts, summary, model } = run;
  const facts: [string, string | null][] = [
    ['run', run.run_id],
    ['experiment', run.experiment],
    ['state', run.end?.error ? `${run.state}: ${run.end.error}` : run.state],
    ['started', run.started_at],
    ['ended', run.ended_at],
    ['took', run.duration_seconds === null ? null : `${cell(run.duration_seconds)} s`],
    ['progress', steps(progress)],
    ['attempts', attempts.length > 1 ? String(attempts.length) : null],
    ['loss', summary.initial_loss === null ? null : `${cell(summary.initial_loss)} → ${cell(summary.final_loss)}`],
    ['eval loss', evalLoss(summary)],
    ['checkpoints', run.checkpoints.length === 0 ? null : run.checkpoints.map((one) => one.step).join(', ')],
    ['model', model === null ? null : `${model.name} version ${model.version}, stage ${model.stage}`],
  ];
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== null);
  return [run.name ?? run.run_id, ...known.map(([name, value]) => `  ${name.padEnd(12)}${value}`)].join('\n');
}

function steps({ step, total, epochs }: RunAnswer['progress']): string | null {
  if (step === null) return null;
  return `step ${step}${total === null ? '' : ` of ${total}`}${epochs === null ? '' : `, ${cell(epochs)} epochs`}`;
}

function evalLoss({ best_eval_loss, final_eval_loss, best_checkpoint }: RunAnswer['summary']): string | null {
  if (best_eval_loss === null) return null;
  return `best ${cell(best_eval_loss)}${best_checkpoint === null ? '' : ` (${best_checkpoint})`}, at the final weights ${cell(final_eval_loss)}`;
}

function curves({ series, diagnosis }: MetricsAnswer): string {
  const drawn = CURVES.flatMap(([key, kind]) => series.filter((one) => one.key === key && one.kind === kind));
  if (drawn.length === 0) return '  no curves: the run has no metric rows';
  const width = Math.max(...drawn.map(({ key }) => key.length));
  return [
    ...drawn.map((one) => `  ${one.key.padEnd(width)}  ${curve(one, diagnosis)}`),
    `  ${diagnosis.explanation}`,
  ].join('\n');
}

function curve({ key, points }: SeriesAnswer, { verdict, best_step }: MetricsAnswer['diagnosis']): string {
  const values: MetricValue[] = points.map(([, value]) => value);
  const word =
    key === 'eval_loss' && verdict === 'overfitting' && best_step !== null
      ? `best at step ${best_step}: stop here`
      : key === 'loss' && verdict !== 'unknown'
        ? verdict
        : '';
  const last = values.at(-1);
  return `${curveText(values)} ${last === undefined ? '' : cell(last)} ${word}`.trimEnd();
}

function judged(run: RunAnswer, verdict: VerdictAnswer | null): string {
  if (verdict === null) return '  not judged';
  const accepted = run.verdict?.acceptance ? `, accepted by ${run.verdict.acceptance.by}` : '';
  return `  ${verdict.overall}${accepted}: ${gatesLine(verdict.gates)}\n  why: runseal why ${run.run_id}`;
}

function materials({ inputs, outputs }: RunAnswer): string {
  const rows = [...inputs.map((one) => ['in', one] as const), ...outputs.map((one) => ['out', one] as const)];
  if (rows.length === 0) return '';
  const table = textTable(
    ['', 'WHAT', 'NAME', 'DIGEST', 'BY'],
    rows.map(([way, one]) => [
      way,
      [one.kind, one.role].filter((word) => word !== null && word !== one.kind).length > 0
        ? `${one.kind} ${one.role ?? ''}`.trim()
        : one.kind,
      cell(one.name ?? one.path),
      one.digest === null ? 'not hashed' : `${one.digest.slice(0, 19)}…`,
      `record ${one.seq}`,
    ]),
  );
  return table.replace(/^/gm, '  ');
}

function faults({ faults: found }: RunAnswer): string {
  return found
    .map(({ message, seq, count }) => `  ! ${message} (record ${seq}${count > 1 ? `, ${count} times` : ''})`)
    .join('\n');
}
