import { useSyncExternalStore } from 'react';
import uPlot from 'uplot';
import type { Chart } from './chart-data.js';
import { formatCount, formatMetric } from './formatting.js';

const HEIGHT_PX = 220;
const FONT = '12px system-ui, sans-serif';
/** Told apart without colour too. */
const DASHES = [[], [6, 4], [2, 3]];

/** The page's colours as the canvas needs them: as values, of the scheme that is on. */
export interface Colours {
  readonly ink: string;
  readonly line: string;
  readonly surface: string;
  readonly bad: string;
  readonly curves: readonly string[];
}

export interface Drawn {
  readonly chart: Chart;
  readonly bestStep: number | null;
  readonly colours: Colours;
}

const scheme = typeof matchMedia === 'undefined' ? null : matchMedia('(prefers-color-scheme: dark)');
let known: { isDark: boolean; colours: Colours } | null = null;

export const useColours = (): Colours => useSyncExternalStore(onScheme, readColours);

function onScheme(listener: () => void): () => void {
  scheme?.addEventListener('change', listener);
  return () => scheme?.removeEventListener('change', listener);
}

function readColours(): Colours {
  const isDark = scheme?.matches ?? false;
  if (known?.isDark === isDark) return known.colours;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const colours = {
    ink: colour('ink-soft'),
    line: colour('line'),
    surface: colour('surface'),
    bad: colour('bad'),
    curves: ['curve-0', 'curve-1', 'curve-2'].map(colour),
  };
  known = { isDark, colours };
  return colours;
}

/** Draws the chart into `place`, as wide as that is, until `remove`. Dragging zooms into steps, a double click shows all again. */
export function drawChart(
  place: HTMLElement,
  drawn: Drawn,
  onAt: (at: number | null) => void,
): { plot: uPlot; remove: () => void } {
  const { chart } = drawn;
  const data = [[...chart.steps], ...chart.curves.map(({ heights }) => [...heights])] as uPlot.AlignedData;
  const plot = new uPlot(optionsFor(drawn, place.clientWidth, onAt), data, place);
  const sized = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT_PX }));
  sized.observe(place);
  return {
    plot,
    remove: () => {
      sized.disconnect();
      plot.destroy();
    },
  };
}

function optionsFor(
  { chart, bestStep, colours }: Drawn,
  width: number,
  onAt: (at: number | null) => void,
): uPlot.Options {
  const axis = { stroke: colours.ink, grid: { stroke: colours.line, width: 1 }, ticks: { show: false }, font: FONT };
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false } },
    scales: { x: { time: false } },
    axes: [
      {
        ...axis,
        values: (_plot, ticks) => ticks.map(formatCount),
        label: chart.axis,
        labelFont: FONT,
        labelSize: 18,
        size: 30,
      },
      { ...axis, values: (_plot, ticks) => ticks.map(formatMetric), size: 60 },
    ],
    series: [
      {},
      ...chart.curves.map(({ label }, index) => ({
        label,
        stroke: colours.curves[index % colours.curves.length] ?? colours.ink,
        width: 2,
        dash: DASHES[index % DASHES.length] ?? [],
        points: { fill: colours.surface },
      })),
    ],
    hooks: {
      setCursor: [(plot) => onAt(plot.cursor.idx ?? null)],
      draw: [
        (plot) => {
          if (bestStep !== null) drawBest(plot, bestStep, colours);
          for (const { step } of chart.nonfinite) drawNonfinite(plot, step, colours);
        },
      ],
    },
  };
}

/** A triangle at the upper edge: where the value is, there is no height for it. */
function drawNonfinite(plot: uPlot, step: number, { bad }: Colours): void {
  const { ctx, bbox } = plot;
  const x = plot.valToPos(step, 'x', true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  const size = 6 * uPlot.pxRatio;
  ctx.save();
  ctx.fillStyle = bad;
  ctx.strokeStyle = bad;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.beginPath();
  ctx.moveTo(x - size, bbox.top);
  ctx.lineTo(x + size, bbox.top);
  ctx.lineTo(x, bbox.top + 2 * size);
  ctx.fill();
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.globalAlpha = 0.35;
  ctx.stroke();
  ctx.restore();
}

function drawBest(plot: uPlot, step: number, { ink }: Colours): void {
  const { ctx, bbox } = plot;
  const x = plot.valToPos(step, 'x', true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.fillStyle = ink;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.setLineDash([4 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `${12 * uPlot.pxRatio}px system-ui, sans-serif`;
  const isRight = x > bbox.left + bbox.width / 2;
  ctx.textAlign = isRight ? 'right' : 'left';
  ctx.fillText(
    `best: step ${formatCount(step)}`,
    x + (isRight ? -1 : 1) * 6 * uPlot.pxRatio,
    bbox.top + 14 * uPlot.pxRatio,
  );
  ctx.restore();
}
