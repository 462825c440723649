import type { TaskMetric } from '../input.js';
import type { TaskQualityGate, TaskRule } from '../policy/policy.js';
import type { RunView } from '../run-view.js';
import { valueIn } from '../run-view.js';
import { read, type Finding, type InputRead, type Verdict } from '../verdict.js';
import { listed, shown, shownBeside } from '../words.js';
import { inferiorityP } from './noninferiority.js';

interface RuleFinding {
  readonly verdict: Verdict;
  readonly words: string;
  readonly inputs: readonly InputRead[];
}

/** G5: every metric of the tasks that the run declares is above its threshold. */
export function judgeTaskQuality(gate: TaskQualityGate, run: RunView): Finding {
  const declared = run.input.tasks?.value ?? [];
  if (declared.length === 0) {
    return { verdict: 'skipped', inputs: [], explanation: 'The run declares no task, so no task metric is wanted.' };
  }
  const findings = declared.flatMap((task): RuleFinding[] => {
    const rules = Object.hasOwn(gate.tasks, task) ? gate.tasks[task] : undefined;
    if (rules) return rules.map((rule) => judgeRule(rule, run, task));
    const known = Object.keys(gate.tasks).join(', ');
    return [{ verdict: 'error', inputs: [], words: `the policy does not know the task ${task} (it knows ${known})` }];
  });
  const worst = (['fail', 'error', 'missing'] as const).find((verdict) =>
    findings.some((one) => one.verdict === verdict),
  );
  const words = findings.filter(({ verdict }) => !worst || verdict !== 'pass').map((one) => one.words);
  return {
    verdict: worst ?? 'pass',
    inputs: [
      read('tasks', declared.join(', '), run.input.tasks?.seq ?? null),
      ...findings.flatMap(({ inputs }) => inputs),
    ],
    explanation: `${listed(words)}.`,
  };
}

function judgeRule(rule: TaskRule, run: RunView, task: string): RuleFinding {
  const { metric } = rule;
  const current = run.input.taskMetrics.filter(({ name }) => name === metric).at(-1);
  if (!current)
    return {
      verdict: 'missing',
      inputs: [],
      words: `${task} wants ${metric}, which was not evaluated on the final weights`,
    };
  const inputs = [read(metric, current.value, current.seq)];
  if (rule.above !== null) {
    const [found, limit] = shownBeside(current.value, rule.above);
    const passes = Number.isFinite(current.value) && current.value > rule.above;
    return {
      verdict: passes ? 'pass' : 'fail',
      inputs,
      words: `${metric} is ${found}, wanted above ${limit} (${task})`,
    };
  }
  return judgeAgainstBaseline(rule, current, { run, task, inputs });
}

interface Place {
  readonly run: RunView;
  readonly task: string;
  readonly inputs: readonly InputRead[];
}

function judgeAgainstBaseline(rule: TaskRule, current: TaskMetric, { run, task, inputs }: Place): RuleFinding {
  const { metric } = rule;
  const reference = run.findReference('baseline');
  const against = reference && valueIn(reference, metric);
  if (!reference || !against) {
    return {
      verdict: 'missing',
      inputs,
      words: `${task} compares ${metric} with the model’s baseline, which has none`,
    };
  }
  const both = [...inputs, read(`${metric} of ${reference.words}`, against.value, reference.seq)];
  if (!current.set || !against.set || current.set.digest !== against.set.digest) {
    const words = `${metric} cannot be compared with ${reference.words}: it is not known to be measured on the same set (${task})`;
    return { verdict: 'missing', inputs: both, words };
  }
  if (!rule.noninferior) {
    const [found, limit] = shownBeside(current.value, against.value);
    const passes = Number.isFinite(current.value) && current.value > against.value;
    return {
      verdict: passes ? 'pass' : 'fail',
      inputs: both,
      words: `${metric} is ${found}, wanted above ${limit}, ${reference.words} (${task})`,
    };
  }
  if (current.standard_error === null || against.standard_error === null) {
    return {
      verdict: 'missing',
      inputs: both,
      words: `${metric} or ${reference.words} has no standard error (${task})`,
    };
  }
  const { margin, alpha } = rule.noninferior;
  const p = inferiorityP(
    { direction: 'higher', margin },
    [current.value, current.standard_error],
    [against.value, against.standard_error],
  );
  const words =
    `${metric} ${shown(current.value)} is ${p < alpha ? '' : 'not '}non-inferior to ${shown(against.value)}, ${reference.words}, ` +
    `by ${shown(margin)}: p = ${shownBeside(p, alpha)[0]}, wanted below ${shown(alpha)} (${task})`;
  return { verdict: p < alpha ? 'pass' : 'fail', inputs: [...both, read('p', p)], words };
}
