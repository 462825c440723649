import { directionOf } from '@runseal/rules';
import type { Node } from 'yaml';
import { ABSOLUTE, ALWAYS_ON, DEFAULT_POLICY, WINDOWS } from './default-policy.js';
import {
  expression,
  fieldNames,
  flag,
  integer,
  metric,
  metrics,
  number,
  oneOf,
  readMembers,
  reference,
  tasks,
  type Field,
} from './fields.js';
import type { Check, Gate, TaskQualityGate } from './policy.js';
import type { YamlSource } from './yaml-source.js';

export const GATES_MAX = 100;
export const ID = /^[A-Za-z][A-Za-z0-9._-]{0,62}$/;

const windows = {
  window_share: number(0.001, 0.5),
  window_min: integer(1, 10_000),
  rows_min: integer(2, 100_000),
  improvement: number(0, 1),
};
const direction = oneOf('lower', 'higher');
const tolerance = { metric, direction, regression: number(0, 0.99), absolute: number(0, 1e9) };

/** What each check takes beside id, check, severity, shadow and off. */
const PARAMETERS: Readonly<Record<Check, Readonly<Record<string, Field>>>> = {
  stability: { dead_rows: integer(1, 10) },
  convergence: windows,
  generalization: { ratio: number(0.001, 1_000), difference: number(-1_000, 1_000) },
  baseline: tolerance,
  task_quality: { tasks },
  audit_completeness: {},
  finite: { metrics },
  trend: { metric, direction, ...windows },
  compare: { ...tolerance, to: reference },
  noninferiority: { metric, direction, margin: number(0, 1e9), alpha: number(1e-6, 0.5), to: reference },
  complete: { fields: fieldNames },
  expression: { expression },
};

/** What those that a policy adds have where it does not say else; the rest must be said. */
const DEFAULTS: Readonly<Partial<Record<Check, Readonly<Record<string, unknown>>>>> = {
  trend: WINDOWS,
  compare: { regression: 0.05, absolute: ABSOLUTE, to: 'baseline' },
  noninferiority: { alpha: 0.05, to: 'baseline' },
};

export const CHECKS = Object.keys(PARAMETERS) as Check[];
const SIX = new Map(DEFAULT_POLICY.gates.map((gate) => [gate.id, gate]));
const COMMON = { check: oneOf(...CHECKS), severity: oneOf('block', 'warn', 'info'), shadow: flag, off: flag };

/** Reads `gates:`: changes of the six, which are always there, and gates of the policy's own behind them. */
export function readLongForm(source: YamlSource, node: Node | null): readonly Gate[] {
  const items = source.items(node, 'a list of gates');
  if (items.length > GATES_MAX - SIX.size)
    source.fault(node, `${items.length} gates`, `at most ${GATES_MAX - SIX.size}`);
  const changed = new Map<string, Gate>();
  const own: Gate[] = [];
  for (const item of items) {
    const gate = readGate(source, item);
    if (!gate) continue;
    if (changed.has(gate.id) || own.some(({ id }) => id === gate.id)) {
      source.fault(item, `${gate.id} a second time`, 'each gate once');
    } else if (SIX.has(gate.id)) changed.set(gate.id, gate);
    else own.push(gate);
  }
  return [...DEFAULT_POLICY.gates.map((gate) => changed.get(gate.id) ?? gate), ...own];
}

function readGate(source: YamlSource, node: Node): Gate | undefined {
  const members = source.members(node, 'a gate: a mapping with id and check');
  const text = (name: string) => source.scalar(members.find(({ key }) => key === name)?.value ?? null);
  const check = text('check');
  const six = [...SIX.values()].find((gate) => gate.id === text('id') || gate.check === check);
  if (six) return readOneOfSix(source, node, six);
  const known = CHECKS.find((one) => one === check);
  if (known) return readOwn(source, node, known);
  const at = members.find(({ key }) => key === 'check')?.value ?? node;
  source.fault(at, check === undefined ? 'no check' : source.tell(at), `one of ${CHECKS.join(', ')}`);
  return undefined;
}

function readOneOfSix(source: YamlSource, node: Node, six: Gate): Gate {
  const fields = { ...COMMON, id: oneOf(six.id), check: oneOf(six.check), ...PARAMETERS[six.check] };
  const found = readMembers(source, node, fields);
  if (ALWAYS_ON.has(six.id)) {
    const { severity = 'block', shadow = false, off = false } = found;
    if (severity !== 'block' || shadow !== false || off !== false) {
      source.fault(node, `${six.id} weakened`, `${six.id} blocking and on: it cannot be switched off`);
    }
  }
  const gate = { ...six, ...settled(found), id: six.id, check: six.check } as Gate;
  if (gate.check === 'baseline') return withDirection(source, node, { gate, isSaid: found['direction'] !== undefined });
  if (gate.check !== 'task_quality') return gate;
  return { ...gate, tasks: { ...(six as TaskQualityGate).tasks, ...gate.tasks } };
}

function readOwn(source: YamlSource, node: Node, check: Check): Gate | undefined {
  const id: Field<string> = (_source, at) => {
    const value = source.scalar(at);
    if (typeof value === 'string' && ID.test(value)) return value;
    source.fault(at, source.tell(at), 'a letter, then letters, digits and . _ -, at most 63');
    return undefined;
  };
  const fields = { ...COMMON, id, ...PARAMETERS[check] };
  const found = readMembers(source, node, fields);
  const gate = { severity: 'warn', shadow: false, off: false, ...DEFAULTS[check], ...settled(found), check } as Gate;
  const isSaid = found['direction'] !== undefined;
  const whole =
    'metric' in gate && 'direction' in PARAMETERS[check] ? withDirection(source, node, { gate, isSaid }) : gate;
  const wanted = ['id', ...Object.keys(PARAMETERS[check])];
  const absent = wanted.filter((name) => !Object.hasOwn(whole, name) && !Object.hasOwn(found, name));
  if (absent.length > 0)
    source.fault(node, `no ${absent.join(', ')}`, `a gate of the check ${check} with ${absent.join(', ')}`);
  return whole;
}

/** The metric's own better side, unless the policy says it; a metric that is not registered needs it said. */
function withDirection(source: YamlSource, node: Node, { gate, isSaid }: { gate: Gate; isSaid: boolean }): Gate {
  if (isSaid || !('metric' in gate) || gate.metric === undefined) return gate;
  const known = directionOf(gate.metric);
  if (!known) source.fault(node, `no direction of ${gate.metric}`, 'direction: lower or higher, which one is better');
  return { ...gate, direction: known ?? 'lower' } as Gate;
}

/** Without those that were faults. */
const settled = (found: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
