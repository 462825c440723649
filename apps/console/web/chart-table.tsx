import { useState } from 'react';
import type { Chart } from './chart-data.js';
import { formatCount, formatMetric } from './formatting.js';

const ROWS_PER_PAGE = 25;

/** The chart's twin for who reads rather than sees it. Made only while it is open. */
export function ChartTable({ chart }: { chart: Chart }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{chart.title} as a table</summary>
      {isOpen && <Rows chart={chart} />}
    </details>
  );
}

function Rows({ chart }: { chart: Chart }) {
  const [page, setPage] = useState(0);
  const pages = Math.max(1, Math.ceil(chart.steps.length / ROWS_PER_PAGE));
  const from = Math.min(page, pages - 1) * ROWS_PER_PAGE;
  return (
    <>
      <table className="points">
        <thead>
          <tr>
            <th scope="col" className="number">
              {chart.axis}
            </th>
            {chart.curves.map(({ label }) => (
              <th scope="col" key={label} className="number">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {chart.steps.slice(from, from + ROWS_PER_PAGE).map((step, index) => (
            <tr key={step}>
              <th scope="row" className="number">
                {formatCount(step)}
              </th>
              {chart.curves.map(({ label, values }) => {
                const value = values[from + index];
                return (
                  <td key={label} className={typeof value === 'string' ? 'number bad' : 'number'}>
                    {value === undefined ? '' : formatMetric(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {pages > 1 && (
        <nav className="paging" aria-label={`Pages of ${chart.title}`}>
          <button type="button" disabled={from === 0} onClick={() => setPage(page - 1)}>
            Previous
          </button>
          <span className="soft">
            page {from / ROWS_PER_PAGE + 1} of {pages}
          </span>
          <button type="button" disabled={from / ROWS_PER_PAGE + 1 >= pages} onClick={() => setPage(page + 1)}>
            Next
          </button>
        </nav>
      )}
    </>
  );
}
