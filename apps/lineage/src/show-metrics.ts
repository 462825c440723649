import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { bestEvaluationBehind, diagnose, type CurvePoint } from '@runseal/rules';
import type { Diagnosis, MetricsAnswer, SeriesAnswer } from './answers.js';
import { curveOf, type Curve } from './curve.js';
import { countNonfinite, downsample } from './downsample.js';
import { findDocument } from './find-document.js';
import { Lineage } from './lineage.js';
import { fromDouble } from './metric-chunks.js';
import type { RunDocument } from './run-document.js';
import { findSeries, isMeant, LACKS, readColumns, type MetricKind, type Series } from './series.js';

export class ShowMetrics {
  constructor(
    readonly run: string,
    readonly wanted: {
      /** Without names all. */
      readonly keys?: readonly string[];
      readonly kind?: MetricKind;
      readonly from?: number;
      readonly to?: number;
      readonly points: number;
    },
  ) {}
}

/** More lines nobody can tell apart, and each costs. */
const SERIES_MAX = 100;

@QueryHandler(ShowMetrics)
export class ShowMetricsHandler implements IQueryHandler<ShowMetrics, MetricsAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ run, wanted }: ShowMetrics): Promise<MetricsAnswer> {
    const { pool } = this.lineage;
    const document = await findDocument(pool, run);
    const all = await findSeries(pool, run);
    const { keys, kind } = wanted;
    const asked = all.filter(
      (series) => (kind === undefined || series.kind === kind) && (!keys || keys.some((key) => isMeant(series, key))),
    );
    const reader = new CurveReader(this.lineage, run, document);
    const series: SeriesAnswer[] = [];
    for (const one of asked.slice(0, SERIES_MAX)) series.push(await reader.answer(one, wanted));
    return {
      run_id: run,
      series,
      omitted: asked.slice(SERIES_MAX).map(({ key, kind }) => ({ key, kind })),
      diagnosis: await diagnosisOf(reader, all, document),
    };
  }
}

class CurveReader {
  private readonly order: ReadonlyMap<string, number>;

  constructor(
    private readonly lineage: Lineage,
    private readonly run: string,
    { facts }: RunDocument,
  ) {
    this.order = new Map(facts.attempts.map(({ id }, index) => [id, index]));
  }

  /** Of attempts whose start nobody recorded the place is unknown: they come first. */
  async read(series: Series, more: { from?: number; to?: number; beside?: string } = {}): Promise<Curve> {
    const columns = await readColumns(this.lineage.pool, { run: this.run, series, ...more });
    return curveOf(columns, (attempt) => this.order.get(attempt) ?? -1);
  }

  async answer(series: Series, wanted: ShowMetrics['wanted']): Promise<SeriesAnswer> {
    const { from, to, points } = wanted;
    const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const { steps, values, beside } = cut(await this.read(series, range), range);
    const kept = downsample(values, points);
    return {
      key: series.key,
      kind: series.kind,
      points: kept.map((index) => {
        const step = steps[index] as number;
        const value = fromDouble(values[index] as number);
        const epoch = beside[index] as number;
        const place = Number.isNaN(step) ? null : step;
        return Number.isNaN(epoch) ? [place, value] : [place, value, epoch];
      }),
      total: values.length,
      sampled: kept.length < values.length,
      nonfinite: countNonfinite(values),
    };
  }
}

/** Points with a step from `from` to `to`; with either of them none without a step. */
function cut(curve: Curve, { from, to }: { from?: number; to?: number }): Curve {
  if (from === undefined && to === undefined) return curve;
  const isIn = (step: number) => step >= (from ?? -Infinity) && step <= (to ?? Infinity);
  const first = curve.steps.findIndex(isIn);
  if (first === -1) return { steps: new Float64Array(), values: new Float64Array(), beside: new Float64Array() };
  const end = curve.steps.findLastIndex(isIn) + 1;
  return {
    steps: curve.steps.subarray(first, end),
    values: curve.values.subarray(first, end),
    beside: curve.beside.subarray(first, end),
  };
}

/** Of the whole run, whatever part of it is shown. */
async function diagnosisOf(reader: CurveReader, all: readonly Series[], document: RunDocument): Promise<Diagnosis> {
  const find = (name: string, kind: MetricKind) => all.find((series) => series.kind === kind && isMeant(series, name));
  const [loss, evalLoss] = [find('loss', 'train'), find('eval_loss', 'eval')];
  const losses = loss ? pointsOf(await reader.read(loss, { beside: 'grad_norm' }), true) : [];
  const evaluations = evalLoss ? pointsOf(await reader.read(evalLoss), false) : [];
  const { diagnosis, since_step, sentence } = diagnose(losses, evaluations);
  const best = bestEvaluationBehind(document.facts, document.rows);
  return { verdict: diagnosis ?? 'unknown', since_step, best_step: best?.step ?? null, explanation: sentence };
}

function pointsOf({ steps, values, beside }: Curve, hasNorms: boolean): CurvePoint[] {
  const points: CurvePoint[] = [];
  for (let index = 0; index < steps.length; index += 1) {
    const step = steps[index] as number;
    const value = fromDouble(values[index] as number);
    const norm = beside[index] as number;
    if (Number.isNaN(step)) continue;
    points.push(hasNorms && norm !== LACKS ? { step, value, grad_norm: fromDouble(norm) } : { step, value });
  }
  return points;
}
