import { useMemo } from 'react';
import type { Resources } from './answers.js';
import { Answer } from './feedback.js';
import { formatCount, plural } from './formatting.js';
import { MetricChart } from './metric-chart.js';
import { useResources } from './queries.js';
import { resourceChartsOf } from './resource-charts.js';

/** The machine while the run went on. Nothing where nobody sampled it. */
export function ResourcesSection({ id, isLive }: { id: string; isLive: boolean }) {
  const query = useResources(id, isLive);
  // No heading that comes and goes where nobody sampled.
  if (query.data === undefined && query.error === null) return null;
  if (query.data?.samples === 0) return null;
  return (
    <section aria-labelledby="resources">
      <h2 id="resources">Resources</h2>
      <Answer query={query} what="the resources">
        {(resources) => <Charts resources={resources} />}
      </Answer>
    </section>
  );
}

function Charts({ resources }: { resources: Resources }) {
  const charts = useMemo(() => resourceChartsOf(resources), [resources]);
  if (charts.length === 0) {
    return <p>{plural(resources.samples, 'sample')}, and none with both a time and a reading.</p>;
  }
  const first = charts.filter(({ isMinor }) => !isMinor);
  const more = charts.filter(({ isMinor }) => isMinor);
  return (
    <>
      <p className="soft">{formatCount(resources.samples)} samples. What a device cannot tell is a gap.</p>
      <div className="charts">
        {first.map((chart) => (
          <MetricChart key={chart.title} chart={chart} bestStep={null} />
        ))}
      </div>
      {more.length > 0 && (
        <details>
          <summary>
            {plural(more.length, 'more chart')}: {more.map(({ title }) => title).join(', ')}
          </summary>
          <div className="charts">
            {more.map((chart) => (
              <MetricChart key={chart.title} chart={chart} bestStep={null} />
            ))}
          </div>
        </details>
      )}
    </>
  );
}
