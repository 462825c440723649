import type { Gate, Policy, TaskRule } from './policy.js';

const threshold = (metric: string, above: number): TaskRule => ({
  metric,
  above,
  above_baseline: false,
  noninferior: null,
});

/** The document's thresholds, on the scales of the metric registry. */
const TASKS: Readonly<Record<string, readonly TaskRule[]>> = {
  qa: [threshold('exact_match', 0.8), threshold('f1', 0.8)],
  summarization: [threshold('rouge-1', 0.3), threshold('rouge-l', 0.3)],
  translation: [threshold('bleu', 0.3)],
  general: [{ metric: 'mmlu', above: null, above_baseline: true, noninferior: null }],
  chat: [threshold('human_score', 3.5)],
};

const blocking = { severity: 'block', shadow: false, off: false } as const;
const warning = { severity: 'warn', shadow: false, off: false } as const;

/** The windows at the ends of a curve, where a policy does not say else. */
export const WINDOWS = { window_share: 0.1, window_min: 3, rows_min: 6, improvement: 0.01 } as const;
/** What is no regression near 0, where a policy does not say else. */
export const ABSOLUTE = 0.001;

const six: readonly Gate[] = [
  { id: 'G1', check: 'stability', ...blocking, dead_rows: 3 },
  { id: 'G2', check: 'convergence', ...warning, ...WINDOWS },
  { id: 'G3', check: 'generalization', ...warning, ratio: 1.2, difference: 0.3 },
  {
    id: 'G4',
    check: 'baseline',
    ...blocking,
    metric: 'eval_loss',
    direction: 'lower',
    regression: 0.05,
    absolute: ABSOLUTE,
  },
  { id: 'G5', check: 'task_quality', ...warning, tasks: TASKS },
  { id: 'G6', check: 'audit_completeness', ...blocking },
];

/** The six gates as they are judged where nobody published a policy; every policy is a change of it. */
export const DEFAULT_POLICY: Policy = { format: 1, overridden: 'blocks', gates: six };

/** Neither can be switched off, weigh less or be judged in the shadow. */
export const ALWAYS_ON: ReadonlySet<string> = new Set(['G1', 'G6']);
