// What the parameters of a gate in the long form may be, each with its words for messages.
import { canonicalMetric } from '@runseal/rules';
import { isMap, type Node } from 'yaml';
import { ExpressionError, parseExpression } from '../expression.js';
import type { ReferenceName, TaskRule } from './policy.js';
import type { YamlSource } from './yaml-source.js';

/** Reads a value, or adds a fault and returns undefined. */
export type Field<Value = unknown> = (source: YamlSource, node: Node | null) => Value | undefined;

const scalarField =
  <Value>(wanted: string, take: (value: unknown) => Value | undefined): Field<Value> =>
  (source, node) => {
    const value = take(source.scalar(node));
    if (value === undefined) source.fault(node, source.tell(node), wanted);
    return value;
  };

export const number = (from: number, to: number): Field<number> =>
  scalarField(`a number from ${from} to ${to}`, (value) =>
    typeof value === 'number' && value >= from && value <= to ? value : undefined,
  );
export const integer = (from: number, to: number): Field<number> =>
  scalarField(`a whole number from ${from} to ${to}`, (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to ? value : undefined,
  );
export const flag: Field<boolean> = scalarField('true or false', (value) =>
  typeof value === 'boolean' ? value : undefined,
);
export const oneOf = <const Values extends readonly string[]>(...values: Values): Field<Values[number]> =>
  scalarField(`one of ${values.join(', ')}`, (value) => values.find((one) => one === value));

const NAME_WANTED = 'a name of at most 250 characters';
const asName = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length > 0 && value.length <= 250 && !/[\u0000-\u001f]/.test(value)
    ? value
    : undefined;
/** By its registered name, whatever alias was written. */
export const metric: Field<string> = scalarField(NAME_WANTED, (value) => {
  const name = asName(value);
  return name === undefined ? undefined : canonicalMetric(name);
});

export const listOf =
  <Value>(field: Field<Value>, max: number): Field<readonly Value[]> =>
  (source, node) => {
    const items = source.items(node, `a list of 1 to ${max}`);
    if (items.length > max || items.length === 0) {
      source.fault(node, `${items.length} items`, `1 to ${max}`);
      return undefined;
    }
    const values = items.map((item) => field(source, item));
    return values.includes(undefined) ? undefined : (values as Value[]);
  };
export const metrics: Field<readonly string[]> = listOf(metric, 50);
export const fieldNames: Field<readonly string[]> = listOf(scalarField(NAME_WANTED, asName), 100);

export const expression: Field<string> = (source, node) => {
  const text = source.scalar(node);
  if (typeof text !== 'string') {
    source.fault(node, source.tell(node), 'an expression');
    return undefined;
  }
  try {
    parseExpression(text);
    return text;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    source.fault(node, `${error.found} at its character ${error.at + 1}`, error.wanted);
    return undefined;
  }
};

/** `baseline`, `production`, `{version: 3}` or `{last_passed: 5}`. */
export const reference: Field<ReferenceName> = (source, node) => {
  const wanted = 'baseline, production, {version: N} or {last_passed: N}';
  if (!isMap(node)) {
    return scalarField(wanted, (value) => (value === 'baseline' || value === 'production' ? value : undefined))(
      source,
      node,
    );
  }
  const [member, ...more] = source.members(node, wanted);
  if (!member || more.length > 0 || (member.key !== 'version' && member.key !== 'last_passed')) {
    source.fault(node, source.tell(node), wanted);
    return undefined;
  }
  const count = integer(1, member.key === 'version' ? 1_000_000 : 100)(source, member.value);
  if (count === undefined) return undefined;
  return member.key === 'version' ? { version: count } : { last_passed: count };
};

/** The members that a mapping has, each read by its field; unknown names are faults. */
export function readMembers(
  source: YamlSource,
  node: Node | null,
  fields: Readonly<Record<string, Field>>,
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const names = Object.keys(fields);
  for (const { key, keyNode, value } of source.members(node, `a mapping with ${names.join(', ')}`)) {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (field) found[key] = field(source, value);
    else source.fault(keyNode, `"${key}"`, `one of ${names.join(', ')}`);
  }
  return found;
}

const noninferior: Field<{ margin: number; alpha: number }> = (source, node) => {
  const { margin, alpha = 0.05 } = readMembers(source, node, { margin: number(0, 1e6), alpha: number(1e-6, 0.5) });
  if (margin === undefined) source.fault(node, 'no margin', 'margin');
  return margin === undefined ? undefined : { margin: margin as number, alpha: alpha as number };
};

const taskRule: Field<TaskRule> = (source, node) => {
  const found = readMembers(source, node, {
    metric,
    above: number(-1e9, 1e9),
    above_baseline: flag,
    noninferior,
  });
  const ways = [found['above'] !== undefined, found['above_baseline'] === true, found['noninferior'] !== undefined];
  if (found['metric'] === undefined || ways.filter(Boolean).length !== 1) {
    source.fault(node, source.tell(node), 'a metric with one of above, above_baseline: true, noninferior');
    return undefined;
  }
  return {
    metric: found['metric'] as string,
    above: (found['above'] as number | undefined) ?? null,
    above_baseline: found['above_baseline'] === true,
    noninferior: (found['noninferior'] as TaskRule['noninferior'] | undefined) ?? null,
  };
};

const TASK = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Rules by task. */
export const tasks: Field<Record<string, readonly TaskRule[]>> = (source, node) => {
  const found: Record<string, readonly TaskRule[]> = {};
  for (const { key, keyNode, value } of source.members(node, 'a mapping from tasks to rules')) {
    if (!TASK.test(key)) source.fault(keyNode, `"${key}"`, 'a word of lower-case letters, digits and . _ -');
    const rules = listOf(taskRule, 50)(source, value);
    if (rules) found[key] = rules;
  }
  return found;
};
