/** One variable of an app's environment. */
export interface Variable<Value> {
  readonly help: string;
  /** Shown in the table of variables and in faults: `integer 1 to 65535`. */
  readonly wanted: string;
  readonly isSecret: boolean;
  /** Undefined: the variable must be set. */
  readonly fallback: Value | undefined;
  /** Undefined where the text is not what is wanted. */
  readonly read: (text: string) => Value | undefined;
}

interface Common<Value> {
  readonly help: string;
  readonly default?: Value;
}

type Values<Spec> = { readonly [Name in keyof Spec]: Spec[Name] extends Variable<infer Value> ? Value : never };

export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  constructor(readonly faults: readonly string[]) {
    super(`The environment has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.join('\n')}`);
  }
}

const PREFIX = 'RUNSEAL_';

/**
 * Reads the variables of `spec` from `env` (an app passes process.env). Throws one EnvironmentError that lists every fault:
 * unset, unreadable, and variables of ours that nobody reads, which are typing errors. Names in `alsoKnown` belong to other
 * programs on the same machine. Values of secrets are never repeated. An empty value counts as unset.
 */
export function readEnvironment<const Spec extends Record<string, Variable<unknown>>>(
  env: Readonly<Record<string, string | undefined>>,
  spec: Spec,
  alsoKnown: readonly string[] = [],
): Values<Spec> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries(spec)) {
    const text = env[name];
    const isUnset = text === undefined || text === '';
    if (isUnset && variable.fallback === undefined) faults.push(`${name} is not set; wanted ${variable.wanted}`);
    const value = isUnset ? variable.fallback : variable.read(text);
    if (!isUnset && value === undefined) {
      const found = variable.isSecret ? 'a value that cannot be read' : JSON.stringify(text.slice(0, 100));
      faults.push(`${name} is ${found}; wanted ${variable.wanted}`);
    }
    values[name] = value;
  }
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith(PREFIX) || name in spec || alsoKnown.includes(name) || isServiceLink(name, env[name]))
      continue;
    faults.push(`${name} is unknown${suggestion(name, Object.keys(spec))}`);
  }
  if (faults.length > 0) throw new EnvironmentError(faults);
  return values as Values<Spec>;
}

/** The variables as a Markdown table for the documents. */
export function describeEnvironment(spec: Readonly<Record<string, Variable<unknown>>>): string {
  const rows = Object.entries(spec).map(([name, { help, wanted, fallback, isSecret }]) => {
    const shown =
      fallback === undefined ? 'required' : fallback === '' ? 'empty' : isSecret ? 'set' : `\`${String(fallback)}\``;
    return `| \`${name}\` | ${wanted.replaceAll('|', '\\|')}${isSecret ? ', secret' : ''} | ${shown} | ${help} |`;
  });
  return ['| variable | value | default | what for |', '|---|---|---|---|', ...rows, ''].join('\n');
}

const variable = <Value>(
  common: Common<Value>,
  wanted: string,
  read: Variable<Value>['read'],
  isSecret = false,
): Variable<Value> => ({ help: common.help, wanted, isSecret, fallback: common.default, read });

export const integer = (options: Common<number> & { min: number; max: number }): Variable<number> =>
  variable(options, `integer ${options.min} to ${options.max}`, (text) => {
    const value = /^-?[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
    return value >= options.min && value <= options.max ? value : undefined;
  });

export const string = (options: Common<string> & { pattern?: RegExp; wanted?: string }): Variable<string> =>
  variable(options, options.wanted ?? (options.pattern ? `text like ${options.pattern.source}` : 'text'), (text) =>
    !options.pattern || options.pattern.test(text) ? text : undefined,
  );

/** A URL with one of the given schemes (`['postgres', 'postgresql']`). A secret, because it may hold a password. */
export const url = (options: Common<string> & { schemes: readonly string[] }): Variable<string> =>
  variable(
    options,
    `URL ${options.schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    (text) => (URL.canParse(text) && options.schemes.includes(new URL(text).protocol.slice(0, -1)) ? text : undefined),
    true,
  );

export const choice = <const Choice extends string>(
  options: Common<Choice> & { of: readonly Choice[] },
): Variable<Choice> =>
  variable(options, `one of ${options.of.join(', ')}`, (text) => options.of.find((candidate) => candidate === text));

export const flag = (options: Common<boolean>): Variable<boolean> =>
  variable(options, '1, 0, true or false', (text) =>
    /^(1|true)$/.test(text) ? true : /^(0|false)$/.test(text) ? false : undefined,
  );

export const secret = (options: Common<string> & { lengthMin: number }): Variable<string> =>
  variable(
    options,
    options.lengthMin === 1 ? 'text' : `at least ${options.lengthMin} characters`,
    (text) => (text.length >= options.lengthMin ? text : undefined),
    true,
  );

/** Kubernetes describes the services of a namespace in every pod's environment: `RUNSEAL_INGEST_PORT=tcp://...`. */
const isServiceLink = (name: string, value: string | undefined): boolean =>
  /_SERVICE_(HOST|PORT)(_|$)|_PORT_[0-9]+_(TCP|UDP|SCTP)(_|$)/.test(name) || /^(tcp|udp|sctp):\/\//.test(value ?? '');

function suggestion(name: string, names: readonly string[]): string {
  const nearest = names
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((one, other) => one.distance - other.distance)[0];
  return nearest && nearest.distance <= 2 ? `; did you mean ${nearest.candidate}?` : '';
}

/** Levenshtein's distance. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let to = 1; to <= other.length; to++) {
      const replaced = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
