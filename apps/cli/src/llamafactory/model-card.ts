import { parse } from 'yaml';
import { isObject } from './python-json.js';

/** What the README.md that the trainer generates tells. */
export interface ModelCard {
  readonly baseModel: string | null;
  /** Name of the training data. */
  readonly dataset: string | null;
  readonly tags: readonly string[];
  /** The folder's name at the trainer. */
  readonly name: string | null;
  readonly versions: Readonly<Record<string, string>>;
  /** The hyperparameters as the trainer resolved them. */
  readonly parameters: Readonly<Record<string, string | number>>;
}

const PACKAGES: Readonly<Record<string, string>> = { Pytorch: 'torch', PEFT: 'peft', TRL: 'trl' };
/** The card's own names for what the trainer's arguments call otherwise. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  lr_scheduler_warmup_steps: 'warmup_steps',
  lr_scheduler_warmup_ratio: 'warmup_ratio',
};

/** Null for a text without the front matter of a model card: somebody else's README. */
export function parseModelCard(text: string): ModelCard | null {
  const matter = /^---\r?\n([\s\S]*?)\r?\n---\r?\n/.exec(text)?.[1];
  const front = matter === undefined ? null : parseFront(matter);
  if (!front || !('library_name' in front || 'base_model' in front)) return null;
  const { base_model: base, tags, model_name: name, 'model-index': index } = front;
  const [first] = Array.isArray(index) ? (index as unknown[]) : [];
  return {
    baseModel: textOrNull(base),
    dataset: /^This model is a fine-tuned version of .+ on the (.+?) datasets?\.$/m.exec(text)?.[1] ?? null,
    tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [],
    name: textOrNull(name) ?? (isObject(first) ? textOrNull(first['name']) : null),
    versions: Object.fromEntries(
      listUnder(text, 'Framework versions').map(([name_, value]) => [PACKAGES[name_] ?? name_.toLowerCase(), value]),
    ),
    parameters: Object.fromEntries(
      listUnder(text, 'Training hyperparameters').map(([name_, value]) => [
        ARGUMENTS[name_] ?? name_,
        /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? Number(value) : value,
      ]),
    ),
  };
}

function parseFront(matter: string): Record<string, unknown> | null {
  try {
    const value: unknown = parse(matter);
    return isObject(value) ? value : null;
  } catch {
    return null; // a front matter that is no YAML tells nothing, and nothing depends on it
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value !== 'None' ? value : null;
}

/** The "- name: value" and "- name value" lines of a section. */
function listUnder(text: string, heading: string): [string, string][] {
  const section = text
    .split(/^#+ /m)
    .find((part) => part.startsWith(`${heading}\n`) || part.startsWith(`${heading}\r`));
  return [...(section ?? '').matchAll(/^- ([A-Za-z_]+):? +(.+?)\s*$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ]);
}
