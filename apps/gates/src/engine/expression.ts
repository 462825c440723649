import { Environment, type ASTNode } from '@marcbachmann/cel-js';

/** The variables of an expression, all doubles, beside the maps `metric` and `baseline`. */
export const VARIABLES = [
  'eval_loss',
  'perplexity',
  'train_loss',
  'initial_loss',
  'final_loss',
  'loss_rows',
  'final_step',
] as const;
export type Variable = (typeof VARIABLES)[number];

/** What an expression reads. */
export interface ExpressionInputs {
  readonly variables: readonly Variable[];
  /** Names N of `metric["N"]`: of the final weights. */
  readonly metrics: readonly string[];
  /** Names N of `baseline["N"]`. */
  readonly baselines: readonly string[];
}

export interface ExpressionValues {
  readonly variables: Readonly<Partial<Record<Variable, number>>>;
  readonly metric: Readonly<Record<string, number>>;
  readonly baseline: Readonly<Record<string, number>>;
}

export interface Expression {
  readonly inputs: ExpressionInputs;
  /** Every input must be given. Throws what the evaluation throws. */
  evaluate(values: ExpressionValues): boolean;
}

/** Why an expression is not taken; `at` counts characters from 0. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';

  constructor(
    readonly found: string,
    readonly wanted: string,
    readonly at: number,
  ) {
    super(`found ${found}, wanted ${wanted}`);
  }
}

const LENGTH_MAX = 2_000;
const NODES_MAX = 200;
const DEPTH_MAX = 32;
/** Loops over lists that stand in the expression. None inside another: those could take minutes. */
const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const FUNCTIONS = new Set(['isFinite', 'abs', 'min', 'max']);
const MAPS = new Set(['metric', 'baseline']);

/**
 * Reads an expression in CEL that gives a boolean. All numbers are doubles: `1 / 2` is 0.5. At most 200 nodes; of functions only
 * isFinite, abs, min, max and one level of all, exists, exists_one, map, filter; no text is matched against a pattern. Throws
 * ExpressionError.
 */
export function parseExpression(text: string): Expression {
  if (text.length > LENGTH_MAX)
    throw new ExpressionError(`${text.length} characters`, `at most ${LENGTH_MAX}`, LENGTH_MAX);
  const walk = new Walk();
  walk.visit(parse(text), []);
  const doubles = walk.withDoubles(text);
  const checked = environment.check(doubles);
  if (!checked.valid || checked.type !== 'bool') {
    const found = checked.valid ? `a ${checked.type}` : summaryOf(checked.error);
    throw new ExpressionError(found, 'an expression that is true or false', 0);
  }
  const run = environment.parse(doubles);
  return {
    inputs: {
      variables: VARIABLES.filter((name) => walk.names.has(name)),
      metrics: [...walk.keys.metric],
      baselines: [...walk.keys.baseline],
    },
    evaluate: ({ variables, metric, baseline }) => {
      const result: unknown = run({ ...variables, metric: toMap(metric), baseline: toMap(baseline) });
      if (typeof result !== 'boolean') throw new Error(`The expression gave ${String(result)}, wanted true or false.`);
      return result;
    },
  };
}

const environment = VARIABLES.reduce(
  (so, name) => so.registerVariable(name, 'double'),
  new Environment({
    limits: { maxAstNodes: NODES_MAX, maxDepth: DEPTH_MAX, maxListElements: 100, maxCallArguments: 8 },
  }),
)
  .registerVariable('metric', 'map<string, double>')
  .registerVariable('baseline', 'map<string, double>')
  .registerFunction('isFinite(double): bool', (value: number) => Number.isFinite(value))
  .registerFunction('abs(double): double', (value: number) => Math.abs(value))
  .registerFunction('min(double, double): double', (one: number, other: number) => Math.min(one, other))
  .registerFunction('max(double, double): double', (one: number, other: number) => Math.max(one, other));

const toMap = (values: Readonly<Record<string, number>>) => new Map(Object.entries(values));

function parse(text: string): ASTNode {
  try {
    return environment.parse(text).ast;
  } catch (error) {
    const at = (error as { range?: { start: number } }).range?.start ?? 0;
    throw new ExpressionError(summaryOf(error), 'an expression in CEL', at);
  }
}

const summaryOf = (error: unknown): string =>
  (error as { summary?: string }).summary ??
  (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));

/** Variables of the loops around a node. */
type Loops = readonly string[];

/** Looks at every node, notes what is read, and refuses what is not in the language. */
class Walk {
  readonly names = new Set<string>();
  readonly keys = { metric: new Set<string>(), baseline: new Set<string>() };
  private readonly integers: { start: number; end: number; value: bigint }[] = [];
  private nodes = 0;

  visit(node: ASTNode, loops: Loops): void {
    this.nodes += 1;
    if (this.nodes > NODES_MAX)
      throw new ExpressionError(`more than ${NODES_MAX} nodes`, `at most ${NODES_MAX}`, node.start);
    switch (node.op) {
      case 'value':
        return this.visitValue(node.args, node);
      case 'id':
        return this.visitName(node.args, node, loops);
      case '[]':
        return this.visitKey(node.args[0], node.args[1], node);
      case '.':
        return this.visitMember(node.args, node);
      case 'call':
        return this.visitCall(node.args, node, loops);
      case 'rcall':
        return this.visitLoop(node.args, node, loops);
      case 'list':
        return node.args.forEach((item) => this.visit(item, loops));
      case '!_':
      case '-_':
        return this.visit(node.args, loops);
      case '.?':
      case '[?]':
      case 'map':
        throw new ExpressionError(`"${node.op}"`, 'numbers, variables, operators and lists', node.start);
      default:
        return node.args.forEach((item) => this.visit(item, loops));
    }
  }

  /** The text with every integer written as the double that it means. */
  withDoubles(text: string): string {
    const ordered = [...this.integers].sort((one, other) => other.start - one.start);
    return ordered.reduce((so, { start, end, value }) => `${so.slice(0, start)}${value}.0${so.slice(end)}`, text);
  }

  private visitValue(value: unknown, { start, end }: ASTNode): void {
    if (typeof value === 'bigint') this.integers.push({ start, end, value });
    else if (typeof value !== 'number' && typeof value !== 'boolean') {
      throw new ExpressionError('a value that is no number', 'a number, true or false', start);
    }
  }

  private visitName(name: string, { start }: ASTNode, loops: Loops): void {
    if (loops.includes(name)) return;
    if (!VARIABLES.some((variable) => variable === name)) {
      throw new ExpressionError(
        `"${name}"`,
        `one of ${VARIABLES.join(', ')}, metric["<name>"], baseline["<name>"]`,
        start,
      );
    }
    this.names.add(name);
  }

  private visitMember([object, name]: readonly [ASTNode, string], node: ASTNode): void {
    if (object.op !== 'id' || !MAPS.has(object.args)) {
      throw new ExpressionError(`".${name}"`, 'a member of metric or baseline', node.start);
    }
    this.keys[object.args as 'metric' | 'baseline'].add(name);
  }

  private visitKey(object: ASTNode, key: ASTNode, node: ASTNode): void {
    const isMap = object.op === 'id' && MAPS.has(object.args);
    if (!isMap || key.op !== 'value' || typeof key.args !== 'string') {
      throw new ExpressionError('an index', 'metric["<name>"] or baseline["<name>"]', node.start);
    }
    this.keys[object.args as 'metric' | 'baseline'].add(key.args);
  }

  private visitCall([name, items]: readonly [string, ASTNode[]], node: ASTNode, loops: Loops): void {
    if (!FUNCTIONS.has(name)) throw new ExpressionError(`${name}()`, `one of ${[...FUNCTIONS].join(', ')}`, node.start);
    for (const item of items) this.visit(item, loops);
  }

  private visitLoop([name, over, items]: readonly [string, ASTNode, ASTNode[]], node: ASTNode, loops: Loops): void {
    if (!LOOPS.has(name)) throw new ExpressionError(`.${name}()`, `one of ${[...LOOPS].join(', ')}`, node.start);
    if (loops.length > 0) throw new ExpressionError(`${name} inside another loop`, 'loops side by side', node.start);
    const [variable, ...bodies] = items;
    if (over.op !== 'list' || variable?.op !== 'id') {
      throw new ExpressionError(`${name}() over something else`, 'a list that stands there', node.start);
    }
    this.visit(over, loops);
    for (const body of bodies) this.visit(body, [variable.args]);
  }
}
