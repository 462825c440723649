import { judgeAudit, judgeComplete } from './gates/audit.js';
import { judgeBaseline, judgeCompare } from './gates/compare.js';
import { judgeExpression } from './gates/expression.js';
import { judgeFinite } from './gates/finite.js';
import { judgeGeneralization } from './gates/generalization.js';
import { judgeNoninferiority } from './gates/noninferiority.js';
import { judgeStability } from './gates/stability.js';
import { judgeTaskQuality } from './gates/task-quality.js';
import { judgeConvergence, judgeTrend } from './gates/trend.js';
import type { JudgeInput } from './input.js';
import { DEFAULT_POLICY } from './policy/default-policy.js';
import type { Check, Gate, Policy, StabilityGate } from './policy/policy.js';
import { RunView } from './run-view.js';
import { overallOf, toGateVerdict, type Finding, type GateVerdict, type Overall } from './verdict.js';
import { counted } from './words.js';

/** Name and version of these rules. Rules that come to other verdicts for the same inputs are another version. */
export const ENGINE = 'runseal-gates/1';

export interface Judgement {
  readonly overall: Overall;
  /** In the policy's order. */
  readonly gates: readonly GateVerdict[];
}

/** Checks that read log rows, and can say nothing where those are gone. */
const READS_ROWS: ReadonlySet<Check> = new Set<Check>([
  'stability',
  'convergence',
  'generalization',
  'baseline',
  'finite',
  'trend',
  'compare',
  'noninferiority',
  'expression',
]);

/** Judges a run: a pure function of policy and input. A gate that cannot be judged is an `error`, never an exception. */
export function judge(policy: Policy, input: JudgeInput): Judgement {
  const stability = policy.gates.find((gate): gate is StabilityGate => gate.check === 'stability');
  const run = new RunView(input, stability?.dead_rows ?? 3);
  const gates = policy.gates.map((gate) => toGateVerdict(gate, find(gate, run)));
  return { overall: overallOf(gates, input.overridden), gates };
}

/** The judgement by a policy that cannot be read: no gate of the default policy says anything, and the run is blocked. */
export function judgeUnreadable(): Judgement {
  const explanation = 'The policy in force cannot be read. Publish another one.';
  const gates = DEFAULT_POLICY.gates.map((gate) => toGateVerdict(gate, { verdict: 'error', inputs: [], explanation }));
  return { overall: overallOf(gates), gates };
}

function find(gate: Gate, run: RunView): Finding {
  if (gate.off) return { verdict: 'skipped', inputs: [], explanation: 'The policy switches this gate off.' };
  const { pruned } = run.input;
  if (pruned && READS_ROWS.has(gate.check)) {
    const explanation =
      `Missing (pruned): the rows of ${counted(pruned.records, 'record')}, the first being record ${pruned.first_seq}, are gone by ` +
      `the retention policy.`;
    return { verdict: 'missing', inputs: [], explanation };
  }
  try {
    return judgeGate(gate, run);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return { verdict: 'error', inputs: [], explanation: `The gate could not be judged: ${reason}` };
  }
}

function judgeGate(gate: Gate, run: RunView): Finding {
  switch (gate.check) {
    case 'stability':
      return judgeStability(gate, run);
    case 'convergence':
      return judgeConvergence(gate, run);
    case 'generalization':
      return judgeGeneralization(gate, run);
    case 'baseline':
      return judgeBaseline(gate, run);
    case 'task_quality':
      return judgeTaskQuality(gate, run);
    case 'audit_completeness':
      return judgeAudit(gate, run);
    case 'finite':
      return judgeFinite(gate, run);
    case 'trend':
      return judgeTrend(gate, run);
    case 'compare':
      return judgeCompare(gate, run);
    case 'noninferiority':
      return judgeNoninferiority(gate, run);
    case 'complete':
      return judgeComplete(gate, run);
    case 'expression':
      return judgeExpression(gate, run);
  }
}
