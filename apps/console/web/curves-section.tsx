import { useMemo } from 'react';
import type { Diagnosis, Metrics } from './answers.js';
import { Badge } from './badges.js';
import { chartsOf, summaryOf, type Chart } from './chart-data.js';
import { Answer, Empty } from './feedback.js';
import { formatCount, formatMetric, plural, words } from './formatting.js';
import { MetricChart } from './metric-chart.js';
import { unitOf } from './metric-units.js';
import { useMetrics } from './queries.js';

/** The charts that everybody looks at; the others wait for a click. */
const SHOWN = 4;
/** Of the others so many are named. */
const NAMED = 8;

export function CurvesSection({ id, isLive }: { id: string; isLive: boolean }) {
  return (
    <section aria-labelledby="curves">
      <h2 id="curves">Curves</h2>
      <Answer query={useMetrics(id, isLive)} what="the curves">
        {(metrics) => <Curves metrics={metrics} />}
      </Answer>
    </section>
  );
}

function Curves({ metrics }: { metrics: Metrics }) {
  // The same series make the same charts, which are then not drawn again.
  const charts = useMemo(() => chartsOf(metrics.series), [metrics.series]);
  const bestStep = metrics.diagnosis?.bestStep ?? null;
  if (charts.length === 0) {
    return (
      <Empty title="No log rows yet.">
        <p>A trainer logs its first row after logging_steps steps. The curves show here by themselves.</p>
      </Empty>
    );
  }
  const first = charts.filter(({ isMinor }) => !isMinor).slice(0, SHOWN);
  const more = charts.filter((chart) => !first.includes(chart));
  return (
    <>
      {metrics.diagnosis && <DiagnosisLine diagnosis={metrics.diagnosis} />}
      <Charts charts={first} bestStep={bestStep} />
      {more.length > 0 && (
        <details>
          <summary>
            {plural(more.length, 'more chart')}:{' '}
            {more
              .slice(0, NAMED)
              .map(({ title }) => title)
              .join(', ')}
            {more.length > NAMED && ', …'}
          </summary>
          <Charts charts={more} bestStep={bestStep} />
        </details>
      )}
      <TrainerSummary metrics={metrics} />
      {metrics.omitted > 0 && (
        <p className="soft">{formatCount(metrics.omitted)} series left out here, for their number.</p>
      )}
    </>
  );
}

const TONES = {
  converging: 'good',
  underfitting: 'warn',
  unstable: 'warn',
  broken: 'bad',
  overfitting: 'warn',
} as const;
const SIGNS = { good: '✓', warn: '!', bad: '✕', plain: '?' } as const;

function DiagnosisLine({ diagnosis }: { diagnosis: Diagnosis }) {
  const { verdict, sinceStep, bestStep, explanation } = diagnosis;
  const tone = verdict in TONES ? TONES[verdict as keyof typeof TONES] : 'plain';
  return (
    <p className="diagnosis">
      <Badge tone={tone} sign={SIGNS[tone]}>
        {`${words(verdict)}${sinceStep === null ? '' : ` since step ${formatCount(sinceStep)}`}`}
      </Badge>{' '}
      {explanation}
      {bestStep !== null && !explanation.includes(String(bestStep)) && ` Best at step ${formatCount(bestStep)}.`}
    </p>
  );
}

function Charts({ charts, bestStep }: { charts: readonly Chart[]; bestStep: number | null }) {
  return (
    <div className="charts">
      {charts.map((chart) => (
        <MetricChart key={chart.title} chart={chart} bestStep={chart.title === 'loss' ? bestStep : null} />
      ))}
    </div>
  );
}

function TrainerSummary({ metrics }: { metrics: Metrics }) {
  const reported = summaryOf(metrics.series);
  if (reported.length === 0) return null;
  return (
    <details>
      <summary>{plural(reported.length, 'number')} that the trainer reported at the end (no gate reads them)</summary>
      <dl className="facts">
        {reported.map(({ key, value }) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>
              {formatMetric(value)} <span className="soft">{unitOf(key)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
