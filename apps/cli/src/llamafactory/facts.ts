import { patterns } from '@runseal/contracts';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type YAMLMap } from 'yaml';
import { refuse } from './refuse.js';

/** What a person states about a run, by dotted name, each with its place in the file. */
export interface Facts {
  readonly file: string;
  readonly stated: ReadonlyMap<string, Stated>;
}

export interface Stated {
  readonly value: unknown;
  /** "facts.yaml, line 3, column 12" */
  readonly place: string;
}

interface Rule {
  readonly words: string;
  /** The value as events have it, or undefined where the node is not what it should be. */
  readonly read: (node: Node) => unknown;
}

const matching = (pattern: string, words: string): Rule => {
  const wanted = new RegExp(pattern, 'u');
  return {
    words,
    read: (node) => ((found) => (found !== undefined && wanted.test(found) ? found : undefined))(textOf(node)),
  };
};
const text = matching('^[^\\u0000]+$', 'text');
const digest = matching(patterns.digest, 'sha256: and 64 lower-case hex digits');
const time = matching(patterns.time, 'a time with a zone, such as 2026-01-26T10:30:00Z');
const count = numeric('a whole number from 0 on', (value) => Number.isSafeInteger(value) && value >= 0);
const flag: Rule = { words: 'true or false', read: (node) => scalarIf(node, 'boolean') };
const texts: Rule = { words: 'a mapping of names to text', read: readTexts };
const slugs: Rule = { words: 'a list of words', read: readSlugs };
const content = { source: text, path: text, digest, license: text };
const dataset = { name: text, version: text, ...content, samples: count, schema: text };
const evaluations: Rule = { words: 'a list', read: (node) => (isSeq(node) ? node : undefined) };

/** Every name that a facts file may have. */
const RULES: Readonly<Record<string, Rule | Readonly<Record<string, Rule>>>> = {
  started_at: time,
  ended_at: time,
  target_model: matching(patterns.streamId, 'letters, digits and . _ : -, at most 200'),
  tasks: slugs,
  objective: matching(patterns.slug, 'a word such as sft or dpo'),
  tags: texts,
  base_model: { ...content, revision: text },
  dataset,
  eval_dataset: dataset,
  git: { repository: text, commit: text, dirty: flag },
  resolved_digest: digest,
  weights: { path: text, digest, size_bytes: count, type: matching(patterns.slug, 'a word such as lora or full') },
  load_best_model_at_end: flag,
  seeds: {
    seed: count,
    data_seed: count,
    numpy_seed: {
      words: 'a whole number or derived',
      read: (node) => (textOf(node) === 'derived' ? 'derived' : count.read(node)),
    },
  },
  versions: texts,
  platform: text,
  hardware: { gpu_type: text, gpu_count: count, cuda_version: text, driver_version: text, hosts: count },
  determinism: { cudnn_deterministic: flag, cudnn_benchmark: flag, deterministic_algorithms: flag },
  image_digest: digest,
  lock_digest: digest,
  evaluations,
};

const number = numeric('a number', Number.isFinite);
const EVALUATION: typeof RULES = {
  task: matching(patterns.slug, 'a word such as qa'),
  set: { name: text, version: text, digest, samples: count },
  evaluator: { name: text, version: text },
  raters: count,
  metrics: evaluations,
};
const METRIC: typeof RULES = { name: text, value: number, scale: { from: number, to: number }, standard_error: number };

/** The names of a facts file, for the help. */
export const factNames: readonly string[] = Object.entries(RULES).map(([name, rule]) =>
  isRule(rule) ? name : `${name}: {${Object.keys(rule).join(', ')}}`,
);

/** Reads a facts file. Refuses, with line and column, what is no YAML, an unknown name and a value of another kind. */
export function parseFacts(text_: string, file: string): Facts {
  const lines = new LineCounter();
  const document = parseDocument(text_, { lineCounter: lines });
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}, line ${line}, column ${col}`;
  };
  const [fault] = document.errors;
  if (fault) refuse(`${placeOf(fault.pos[0])}: ${fault.message.split('\n')[0]} Wanted YAML.`);
  const stated = new Map<string, Stated>();
  if (document.contents === null) return { file, stated };
  new FactsReader(stated, placeOf).read(document.contents as Node, RULES, '');
  return { file, stated };
}

class FactsReader {
  constructor(
    private readonly stated: Map<string, Stated>,
    private readonly placeOf: (offset: number) => string,
  ) {}

  read(node: Node, rules: typeof RULES, prefix: string): void {
    for (const { name, key, value } of this.pairsOf(node, prefix || 'the file')) {
      const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
      const place = this.placeOf(key.range?.[0] ?? 0);
      const full = prefix === '' ? name : `${prefix}.${name}`;
      if (!rule)
        refuse(`${place}: "${full}" is no name of a facts file. Wanted one of: ${Object.keys(rules).join(', ')}.`);
      if (value === null || (isScalar(value) && value.value === null)) continue; // unknown, as if it were not there
      if (!isRule(rule)) this.read(value, rule, full);
      else if (rule === evaluations) this.stated.set(full, { value: this.readList(value, full), place });
      else this.stated.set(full, { value: this.valueOf(value, rule, full), place });
    }
  }

  private valueOf(node: Node, rule: Rule, name: string): unknown {
    const value = rule.read(node);
    if (value !== undefined) return value;
    refuse(`${this.placeOf(node.range?.[0] ?? 0)}: ${name} is ${shown(node)}, wanted ${rule.words}.`);
  }

  /** Items of `evaluations` or of their `metrics`: each a mapping of its own names. */
  private readList(node: Node, name: string): unknown[] {
    if (!isSeq(node)) refuse(`${this.placeOf(node.range?.[0] ?? 0)}: ${name} is ${shown(node)}, wanted a list.`);
    return node.items.map((item) => {
      const stated = new Map<string, Stated>();
      new FactsReader(stated, this.placeOf).read(item as Node, name === 'metrics' ? METRIC : EVALUATION, '');
      const needed = name === 'metrics' ? ['name', 'value', 'scale.from', 'scale.to'] : ['metrics'];
      const absent = needed.find((member) => !stated.has(member));
      if (absent !== undefined) {
        refuse(`${this.placeOf((item as Node).range?.[0] ?? 0)}: an item of ${name} lacks ${absent}.`);
      }
      return Object.fromEntries([...stated].map(([member, { value }]) => [member, value]));
    });
  }

  private pairsOf(node: Node, name: string): { name: string; key: Node; value: Node | null }[] {
    if (!isMap(node)) {
      refuse(`${this.placeOf(node.range?.[0] ?? 0)}: ${name} is ${shown(node)}, wanted a mapping of names.`);
    }
    return (node as YAMLMap<Node, Node | null>).items.map(({ key, value }) => ({
      name: textOf(key) ?? '',
      key,
      value,
    }));
  }
}

function isRule(rule: Rule | Readonly<Record<string, Rule>>): rule is Rule {
  return typeof (rule as Rule).read === 'function';
}

function numeric(words: string, isRight: (value: number) => boolean): Rule {
  return {
    words,
    read: (node) => {
      const value = scalarIf(node, 'number') as number | undefined;
      return value !== undefined && isRight(value) ? value : undefined;
    },
  };
}

function scalarIf(node: Node, type: 'boolean' | 'number'): unknown {
  return isScalar(node) && typeof node.value === type ? node.value : undefined;
}

/** A text, or a number as it is spelled: a version 3.10 is not 3.1, and a commit may be all digits. */
function textOf(node: Node): string | undefined {
  if (!isScalar(node)) return undefined;
  if (typeof node.value === 'string') return node.value;
  return typeof node.value === 'number' ? node.source : undefined;
}

function readTexts(node: Node): Record<string, string> | undefined {
  if (!isMap(node)) return undefined;
  const pairs = (node as YAMLMap<Node, Node | null>).items.map(({ key, value }) => [
    textOf(key),
    value && textOf(value),
  ]);
  return pairs.every(([name, value]) => typeof name === 'string' && typeof value === 'string')
    ? (Object.fromEntries(pairs) as Record<string, string>)
    : undefined;
}

function readSlugs(node: Node): string[] | undefined {
  const slug = new RegExp(patterns.slug, 'u');
  const words = isSeq(node) ? node.items.map((item) => textOf(item as Node)) : [textOf(node)];
  return words.every((word) => word !== undefined && slug.test(word)) ? (words as string[]) : undefined;
}

function shown(node: Node): string {
  if (isScalar(node)) return JSON.stringify(node.value);
  return isSeq(node) ? 'a list' : isMap(node) ? 'a mapping' : 'something else';
}
