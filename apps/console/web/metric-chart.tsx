import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type uPlot from 'uplot';
import type { Chart } from './chart-data.js';
import { ChartTable } from './chart-table.js';
import { formatCount, formatMetric, plural } from './formatting.js';
import { drawChart, useColours } from './plot.js';

/** Curves with a readout that the pointer and the arrow keys move, and the same numbers as a table. */
export function MetricChart({ chart, bestStep }: { chart: Chart; bestStep: number | null }) {
  const [at, setAt] = useState<number | null>(null);
  const last = chart.steps.length - 1;
  const shownAt = Math.min(at ?? last, last);
  const title = `${chart.title}${chart.unit === null ? '' : ` (${chart.unit})`}`;
  return (
    <figure className="chart">
      <figcaption>
        <h3>{title}</h3>
        <PointCount chart={chart} />
      </figcaption>
      <Readout chart={chart} at={shownAt} />
      <Plot chart={chart} bestStep={bestStep} at={shownAt} onAt={setAt} />
      <Nonfinite chart={chart} />
      <ChartTable chart={chart} />
    </figure>
  );
}

function PointCount({ chart: { shown, total, isSampled } }: { chart: Chart }) {
  return (
    <span className="soft">
      {formatCount(shown)} of {formatCount(total)} points shown{isSampled && ', least and greatest kept'}
    </span>
  );
}

function Readout({ chart, at }: { chart: Chart; at: number }) {
  return (
    <p className="readout" aria-hidden="true">
      <span>
        {chart.axis} {formatCount(chart.steps[at] ?? 0)}
      </span>
      {chart.curves.map((curve, index) => (
        <span key={curve.label} className={`key key-${index}`}>
          {curve.label} {formatMetric(curve.values[at] ?? null)}
        </span>
      ))}
    </p>
  );
}

interface PlotProperties {
  readonly chart: Chart;
  readonly bestStep: number | null;
  readonly at: number;
  readonly onAt: (at: number | null) => void;
}

/** To assistive technology a slider over the steps, or minutes: arrow keys move it, and its text is what the curves say there. */
function Plot({ chart, bestStep, at, onAt }: PlotProperties) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const colours = useColours();
  const drawn = useMemo(() => ({ chart, bestStep, colours }), [chart, bestStep, colours]);
  useEffect(() => {
    if (!place.current) return;
    const made = drawChart(place.current, drawn, onAt);
    plot.current = made.plot;
    return made.remove;
  }, [drawn, onAt]);
  const last = chart.steps.length - 1;
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: last,
      PageUp: at - 10,
      PageDown: at + 10,
    };
    const wanted = moves[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(last, wanted));
    onAt(next);
    plot.current?.setCursor({ left: plot.current.valToPos(chart.steps[next] ?? 0, 'x'), top: 10 });
  };
  return (
    <div
      ref={place}
      className="plot"
      role="slider"
      tabIndex={0}
      aria-label={`${chart.title}: move through the ${chart.axis}s`}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={at}
      aria-valuetext={spoken(chart, at)}
      onKeyDown={onKeyDown}
    />
  );
}

const spoken = (chart: Chart, at: number): string =>
  [
    `${chart.axis} ${formatCount(chart.steps[at] ?? 0)}`,
    ...chart.curves.map(
      ({ label, values }) => `${label} ${values[at] === undefined ? 'no row' : formatMetric(values[at])}`,
    ),
  ].join(', ');

const NAMED = 5;

function Nonfinite({ chart: { nonfinite } }: { chart: Chart }) {
  if (nonfinite.length === 0) return null;
  const named = nonfinite
    .slice(0, NAMED)
    .map(({ step, curve, value }) => `${curve} ${value} at step ${formatCount(step)}`);
  return (
    <p className="bad">
      ▼ {plural(nonfinite.length, 'point')} cannot be drawn: {named.join('; ')}
      {nonfinite.length > NAMED && '; the rest is in the table'}.
    </p>
  );
}
