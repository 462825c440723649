import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { bestEvaluationBehind, diagnose, type CurvePoint } from '@runseal/rules';
import type { Diagnosis, MetricsAnswer, SeriesAnswer } from './answers.js';
import { curveOf, sliceOf, type Curve } from './curve.js';
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
const DIAGNOSES_KEPT = 1_000;

@QueryHandler(ShowMetrics)
export class ShowMetricsHandler implements IQueryHandler<ShowMetrics, MetricsAnswer> {
  /** Of runs that stand still. What the curves say changes with their records only, and looking through all rows takes long. */
  private readonly diagnoses = new Map<string, { readonly seq: number; readonly diagnosis: Diagnosis }>();

  constructor(private readonly lineage: Lineage) {}

  async execute({ run, wanted }: ShowMetrics): Promise<MetricsAnswer> {
    const { pool } = this.lineage;
    const document = await findDocument(pool, run);
    const all = await findSeries(pool, run);
    const { keys, kind } = wanted;
    const asked = all.filter(
      (series) => (kind === undefined || series.kind === kind) && (!keys || keys.some((key) => isMeant(series, key))),
    );
    const known = this.diagnoses.get(run);
    const diagnosis = known?.seq === document.facts.seq ? known.diagnosis : undefined;
    const reader = new CurveReader(this.lineage, run, { document, hasNorms: !diagnosis });
    const series: SeriesAnswer[] = [];
    for (const one of asked.slice(0, SERIES_MAX)) series.push(await reader.answer(one, wanted));
    return {
      run_id: run,
      series,
      omitted: asked.slice(SERIES_MAX).map(({ key, kind }) => ({ key, kind })),
      diagnosis: diagnosis ?? (await this.diagnose(reader, all, document)),
    };
  }

  private async diagnose(reader: CurveReader, all: readonly Series[], document: RunDocument): Promise<Diagnosis> {
    const diagnosis = await diagnosisOf(reader, all, document);
    if (this.diagnoses.size >= DIAGNOSES_KEPT) this.diagnoses.clear();
    this.diagnoses.set(reader.run, { seq: document.facts.seq, diagnosis });
    return diagnosis;
  }
}

interface Range {
  readonly from?: number;
  readonly to?: number;
}

class CurveReader {
  private readonly order: ReadonlyMap<string, number>;
  /** Whole curves that were read for the answer and serve the diagnosis too. */
  private readonly whole = new Map<Series, Curve>();

  constructor(
    private readonly lineage: Lineage,
    readonly run: string,
    /** `hasNorms`: whether losses bring the norm of the gradients along, which the diagnosis wants. */
    private readonly options: { readonly document: RunDocument; readonly hasNorms: boolean },
  ) {
    this.order = new Map(options.document.facts.attempts.map(({ id }, index) => [id, index]));
  }

  /** Columns: value, epoch, and of losses the norm of the gradients where it is wanted. */
  async read(series: Series, range: Range = {}): Promise<Curve> {
    const isWhole = range.from === undefined && range.to === undefined;
    const known = isWhole ? this.whole.get(series) : undefined;
    if (known) return known;
    const beside = [
      { epoch: true as const },
      ...(this.options.hasNorms && isLoss(series) ? [{ norm: 'grad_norm' }] : []),
    ];
    const columns = await readColumns(this.lineage.pool, { run: this.run, series, beside, ...range });
    // Of attempts whose start nobody recorded the place is unknown: they come first.
    const curve = curveOf(columns, (attempt) => this.order.get(attempt) ?? -1);
    if (isWhole) this.whole.set(series, curve);
    return isWhole ? curve : cut(curve, range);
  }

  async answer(series: Series, { from, to, points }: ShowMetrics['wanted']): Promise<SeriesAnswer> {
    const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const { steps, columns } = await this.read(series, range);
    const [values = steps, epochs] = columns;
    const kept = downsample(values, points);
    return {
      key: series.key,
      kind: series.kind,
      points: kept.map((index) => {
        const step = steps[index] as number;
        const value = fromDouble(values[index] as number);
        const epoch = epochs?.[index] ?? Number.NaN;
        const place = Number.isNaN(step) ? null : step;
        return Number.isNaN(epoch) ? [place, value] : [place, value, epoch];
      }),
      total: values.length,
      sampled: kept.length < values.length,
      nonfinite: countNonfinite(values),
    };
  }
}

const isLoss = (series: Series): boolean => series.kind === 'train' && isMeant(series, 'loss');

/** Points with a step from `from` to `to`; none without a step. */
function cut(curve: Curve, { from = -Infinity, to = Infinity }: Range): Curve {
  const isIn = (step: number) => step >= from && step <= to;
  const first = curve.steps.findIndex(isIn);
  return first === -1 ? sliceOf(curve, 0, 0) : sliceOf(curve, first, curve.steps.findLastIndex(isIn) + 1);
}

/** Of the whole run, whatever part of it is shown. */
async function diagnosisOf(reader: CurveReader, all: readonly Series[], document: RunDocument): Promise<Diagnosis> {
  const loss = all.find(isLoss);
  const evalLoss = all.find((series) => series.kind === 'eval' && isMeant(series, 'eval_loss'));
  const losses = loss ? pointsOf(await reader.read(loss)) : [];
  const evaluations = evalLoss ? pointsOf(await reader.read(evalLoss)) : [];
  const { diagnosis, since_step, sentence } = diagnose(losses, evaluations);
  const best = bestEvaluationBehind(document.facts, document.rows);
  return { verdict: diagnosis ?? 'unknown', since_step, best_step: best?.step ?? null, explanation: sentence };
}

function pointsOf({ steps, columns: [values = steps, , norms] }: Curve): CurvePoint[] {
  const points: CurvePoint[] = [];
  for (let index = 0; index < steps.length; index += 1) {
    const step = steps[index] as number;
    const value = fromDouble(values[index] as number);
    const norm = norms?.[index] ?? LACKS;
    if (!Number.isNaN(step)) points.push({ step, value, grad_norm: norm === LACKS ? null : fromDouble(norm) });
  }
  return points;
}
