// The document's own block, as it stands there: lists that mix strings (`loss != NaN`) and mappings (`loss_decreased: true`).
import { directionOf } from '@runseal/rules';
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { ALWAYS_ON, DEFAULT_POLICY } from './default-policy.js';
import type { BaselineGate, Gate, GeneralizationGate } from './policy.js';
import type { YamlSource } from './yaml-source.js';

/** Reads `quality_gates:`; what it does not mention stays as in the default policy. */
export function readShortForm(source: YamlSource, node: Node | null): readonly Gate[] {
  const changes = new Map<string, Partial<Gate>>();
  for (const { key, keyNode, value } of source.members(node, 'the sections of quality_gates')) {
    const section = SECTIONS[key];
    if (!section) {
      source.fault(keyNode, `"${key}"`, `one of ${Object.keys(SECTIONS).join(', ')}`);
      continue;
    }
    for (const [id, change] of readSection(source, section, { value, keyNode })) {
      changes.set(id, { ...changes.get(id), ...change } as Partial<Gate>);
    }
  }
  return DEFAULT_POLICY.gates.map((gate) => ({ ...gate, ...changes.get(gate.id) }) as Gate);
}

interface Rule {
  /** What may stand there, for messages. */
  readonly words: string;
  /** Which gate it speaks of. */
  readonly gate: string;
  /** The same rule in other words: its operator turned, or a number that makes no sense. */
  readonly looksLike: RegExp;
  /** Null where the text is not the rule. */
  readonly read: (text: string) => Partial<Gate> | null;
}

interface Section {
  readonly rules: readonly Rule[];
  /** `metric:` may stand beside them. */
  readonly takesMetric: boolean;
}

const NUMBER = String.raw`([0-9]+(?:\.[0-9]+)?)`;
const exactly = (word: string, gate: string, looksLike: RegExp): Rule => ({
  words: word,
  gate,
  looksLike,
  read: (text) => (text === word ? {} : null),
});
const named = (word: string, gate: string): Rule => exactly(word, gate, new RegExp(`^!? ?${word}\\b`));
const limited = (words: string, gate: string, { pattern, looksLike, change }: Limited): Rule => ({
  words,
  gate,
  looksLike,
  read: (text) => {
    const limit = pattern.exec(text)?.[1];
    return limit === undefined ? null : change(Number(limit));
  },
});
interface Limited {
  readonly pattern: RegExp;
  readonly looksLike: RegExp;
  /** Null where the number makes no sense. */
  readonly change: (limit: number) => Partial<Gate> | null;
}

const SECTIONS: Readonly<Record<string, Section>> = {
  training_stability: {
    takesMetric: false,
    rules: [
      exactly('loss != NaN', 'G1', /\bnan\b/i),
      exactly('loss != Inf', 'G1', /\binf(inity)?\b/i),
      named('loss_decreased', 'G2'),
    ],
  },
  generalization: {
    takesMetric: false,
    rules: [
      limited('eval_loss < train_loss * 1.2', 'G3', {
        pattern: new RegExp(`^eval_loss < train_loss \\* ${NUMBER}$`),
        looksLike: /\b(eval_loss|train_loss)\b/,
        change: (limit) => (limit > 0 ? ({ ratio: limit } satisfies Partial<GeneralizationGate>) : null),
      }),
    ],
  },
  baseline_comparison: {
    takesMetric: true,
    rules: [
      limited('current_metric >= baseline * 0.95', 'G4', {
        pattern: new RegExp(`^current_metric >= baseline \\* ${NUMBER}$`),
        looksLike: /\b(current_metric|baseline)\b/,
        change: (limit) =>
          limit > 0 && limit <= 1
            ? ({ regression: Number((1 - limit).toPrecision(12)) } satisfies Partial<BaselineGate>)
            : null,
      }),
    ],
  },
  audit_completeness: {
    takesMetric: false,
    rules: ['all_artifacts_logged', 'all_hashes_computed', 'config_versioned'].map((word) => named(word, 'G6')),
  },
};

interface Entry {
  readonly text: string;
  readonly node: Node;
  /** Undefined: the rule stands alone. */
  readonly value: Node | null | undefined;
}

function readSection(
  source: YamlSource,
  section: Section,
  { value, keyNode }: { value: Node | null; keyNode: Node },
): [string, Partial<Gate>][] {
  if (isScalar(value) && value.value === false)
    return section.rules.flatMap((rule) => switchOff(source, rule, keyNode));
  return entriesOf(source, value).flatMap((entry) => {
    if (section.takesMetric && entry.text === 'metric') return readMetric(source, entry);
    const text = entry.text.trim().replace(/\s+/g, ' ');
    for (const rule of section.rules) {
      const change = rule.read(text);
      if (change) return applyRule(source, { rule, change, entry });
    }
    const meant = section.rules.find(({ looksLike }) => looksLike.test(text));
    source.fault(
      entry.node,
      `"${entry.text}"`,
      meant ? meant.words : section.rules.map(({ words }) => words).join(', '),
    );
    return [];
  });
}

/** A section is a list of rules, or a mapping from rules to true and false. */
function entriesOf(source: YamlSource, value: Node | null): Entry[] {
  const ofMap = (node: Node | null) =>
    source.members(node, 'rules').map((member) => ({ text: member.key, node: member.keyNode, value: member.value }));
  if (isMap(value)) return ofMap(value);
  if (!isSeq(value)) {
    source.fault(value, source.tell(value), 'a list of rules');
    return [];
  }
  return (value.items as Node[]).flatMap((item): Entry[] => {
    if (isScalar(item) && typeof item.value === 'string') return [{ text: item.value, node: item, value: undefined }];
    return ofMap(item);
  });
}

function applyRule(
  source: YamlSource,
  { rule, change, entry }: { rule: Rule; change: Partial<Gate>; entry: Entry },
): [string, Partial<Gate>][] {
  const setting = entry.value === undefined ? true : source.scalar(entry.value);
  if (setting === true) return [[rule.gate, change]];
  if (setting === false) return switchOff(source, rule, entry.node);
  source.fault(entry.value ?? entry.node, source.tell(entry.value), 'true or false');
  return [];
}

function switchOff(source: YamlSource, { gate, words }: Rule, node: Node): [string, Partial<Gate>][] {
  if (!ALWAYS_ON.has(gate)) return [[gate, { off: true }]];
  source.fault(node, `"${words}" switched off`, `${gate} on: it cannot be switched off`);
  return [];
}

function readMetric(source: YamlSource, { value, node }: Entry): [string, Partial<Gate>][] {
  const metric = value ? source.scalar(value) : undefined;
  const direction = typeof metric === 'string' ? directionOf(metric) : null;
  if (typeof metric === 'string' && direction) return [['G4', { metric, direction } satisfies Partial<BaselineGate>]];
  const wanted = 'a metric with a known better side; the long form takes any, with its direction';
  source.fault(value ?? node, source.tell(value), wanted);
  return [];
}
