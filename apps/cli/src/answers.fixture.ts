// Answers of the services, as small as they can be, to be told otherwise by a test.
import type { VerdictAnswer } from '@runseal/gates';
import type { MetricsAnswer, MetricValue, ResourceSummary, RunAnswer, SeriesAnswer } from '@runseal/lineage';
import { WIDTH } from './text-table.js';

export const RUN = '019bf9da-6cbb-7acb-a255-12100f80b56f';
export const DIGEST = `sha256:${'ab'.repeat(32)}`;

export const runAnswer = (more: Partial<RunAnswer> = {}): RunAnswer => ({
  ...{ run_id: RUN, name: 'lora r8', experiment: 'support', target_model: null, objective: null, tasks: [] },
  ...{ trainer: null, recorded: 'live', tags: {}, principal: 'p_a', state: 'finished' },
  ...{ started_at: '2026-01-26T10:30:00.123Z', ended_at: '2026-01-26T13:37:00Z' },
  ...{ duration_seconds: 11_220, active_seconds: null },
  progress: { step: 300, total: 1_000, epochs: 1.5, total_epochs: 3 },
  ...{ end: null, attempts: [], checkpoints: [], weights: null },
  summary: {
    ...{ initial_loss: 4, final_loss: 2, best_eval_loss: null, final_eval_loss: null, best_checkpoint: null, rows: 3 },
  },
  ...{ parameters: {}, inputs: [], outputs: [], environment: null, evaluations: [] },
  ...{ verdict: null, model: null, faults: [], annotations: [], started_seq: 1, newest_seq: 9 },
  ...more,
});

export const noResources: ResourceSummary = { samples: 0, first_ms: null, last_ms: null, machines: [], gpus: [] };

export const seriesOf = (
  key: string,
  values: readonly MetricValue[],
  kind: SeriesAnswer['kind'] = 'train',
): SeriesAnswer => ({
  ...{ key, kind, total: values.length, sampled: false, nonfinite: 0 },
  points: values.map((value, index) => [(index + 1) * 100, value] as const),
});

export const metricsAnswer = (
  series: readonly SeriesAnswer[],
  diagnosis: Partial<MetricsAnswer['diagnosis']> = {},
): MetricsAnswer => ({
  ...{ run_id: RUN, series, omitted: [] },
  diagnosis: { verdict: 'unknown', since_step: null, best_step: null, explanation: 'Too few rows.', ...diagnosis },
});

type Gate = VerdictAnswer['gates'][number];

export const gate = (id: string, more: Partial<Gate> = {}): Gate =>
  ({
    ...{ id, name: 'task_quality', severity: 'block', verdict: 'pass', shadow: false },
    ...{ explanation: `${id} says so.`, inputs: [], baseline: null },
    ...more,
  }) as Gate;

export const verdictAnswer = (more: Partial<VerdictAnswer> = {}): VerdictAnswer => ({
  ...{ verdict_id: '02cb9fbe-ff73-8336-8f52-26b75e22e41f', run_id: RUN, seq: 125, overall: 'passed' },
  policy: { id: 'default', version: 0, hash: '169ad08c61c4'.padEnd(64, '0') },
  ...{ engine: 'runseal-gates/1', position: 121, superseded_by: null, gates: [gate('G1')], hash: 'c5'.repeat(32) },
  ...{ sealed_at: '2026-01-26T13:37:01.500Z', weights: null, accepted: null },
  ...more,
});

/** The lines that are longer than a line of prose may be. */
export const tooWide = (text: string): string[] => text.split('\n').filter((line) => [...line].length > WIDTH);
