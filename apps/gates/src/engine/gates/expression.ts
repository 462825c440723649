import { parseExpression, type ExpressionValues, type Variable } from '../expression.js';
import type { ExpressionGate } from '../policy/policy.js';
import { valueIn, type RunView } from '../run-view.js';
import { read, type Finding, type InputRead } from '../verdict.js';
import { listed, shown } from '../words.js';

/** What a policy says in an expression of its own. A name without a value is missing, whatever the expression would make of it. */
export function judgeExpression({ expression }: ExpressionGate, run: RunView): Finding {
  const { inputs: wanted, evaluate } = parseExpression(expression);
  const inputs: InputRead[] = [];
  const absent: string[] = [];
  const look = <Name extends string>(
    names: readonly Name[],
    label: (name: Name) => string,
    find: (name: Name) => Found,
  ) => {
    const found: Partial<Record<Name, number>> = {};
    for (const name of names) {
      const at = find(name);
      inputs.push(read(label(name), at?.value ?? null, at?.seq ?? null));
      if (at) found[name] = at.value;
      else absent.push(label(name));
    }
    return found;
  };
  const values: ExpressionValues = {
    variables: look(
      wanted.variables,
      (name) => name,
      (name) => findVariable(name, run),
    ),
    metric: look(
      wanted.metrics,
      (name) => `metric["${name}"]`,
      (name) => run.findFinal(name),
    ) as Record<string, number>,
    baseline: look(
      wanted.baselines,
      (name) => `baseline["${name}"]`,
      (name) => findBaseline(name, run),
    ) as Record<string, number>,
  };
  if (absent.length > 0) {
    return { verdict: 'missing', inputs, explanation: `${expression}: the run has no ${listed(absent)}.` };
  }
  const isTrue = evaluate(values);
  const put = inputs.map(({ name, value }) => `${name} = ${typeof value === 'number' ? shown(value) : String(value)}`);
  return {
    verdict: isTrue ? 'pass' : 'fail',
    inputs,
    explanation: `${expression} is ${isTrue}${put.length > 0 ? ` with ${listed(put)}` : ''}.`,
  };
}

type Found = { readonly value: number; readonly seq: number | null } | null;

function findVariable(name: Variable, run: RunView): Found {
  const { weights } = run.input;
  const computed = (value: number | null | undefined): Found =>
    value === null || value === undefined ? null : { value, seq: null };
  const atRow = (row: number): Found => {
    const curve = run.curve('loss');
    const point = row < 0 ? curve.values.length + row : row;
    const value = curve.values[point];
    return value === undefined ? null : { value, seq: run.seqAt(curve, point) };
  };
  switch (name) {
    case 'eval_loss':
    case 'perplexity':
      return run.findFinal(name);
    case 'train_loss':
      return weights && run.findFinal('eval_loss') ? computed(run.findLossBeside(weights.step)?.mean) : null;
    case 'initial_loss':
      return atRow(0);
    case 'final_loss':
      return atRow(-1);
    case 'loss_rows': {
      const rows = run.curve('loss').values.length;
      return rows === 0 ? null : computed(rows);
    }
    case 'final_step':
      return computed(weights?.step);
  }
}

function findBaseline(metric: string, run: RunView): Found {
  const reference = run.findReference('baseline');
  const against = reference && valueIn(reference, metric);
  return against ? { value: against.value, seq: reference.seq } : null;
}
