import { LineCounter, parseDocument } from 'yaml';
import { isObject } from './python-json.js';
import { refuse } from './refuse.js';

type Scalar = string | number | boolean | null;
export type Parameters = Record<string, Scalar | Scalar[]>;

export interface TrainingYaml {
  readonly parameters: Parameters;
  /** Names whose values were left out because they are named like a credential. */
  readonly leftOut: readonly string[];
}

/** Names that only a training's configuration has. */
const OWN_NAMES = [
  'model_name_or_path',
  'output_dir',
  'finetuning_type',
  'stage',
  'do_train',
  'per_device_train_batch_size',
];

/** Refuses, with line and column, what is no YAML mapping. */
export function parseTrainingYaml(text: string, file: string): TrainingYaml {
  const value = parseMapping(text, file);
  const parameters: Parameters = {};
  const leftOut: string[] = [];
  const pending = Object.entries(value);
  for (let next = pending.shift(); next; next = pending.shift()) {
    const [name, found] = next;
    if (/(^|[_.])(token|secret|password|passwd|api_key|access_key)$/i.test(name)) leftOut.push(name);
    else if (isObject(found) && Object.keys(found).length > 0) {
      pending.push(...Object.entries(found).map(([key, of]): [string, unknown] => [`${name}.${key}`, of]));
    } else parameters[name] = parameterOf(found);
  }
  return { parameters, leftOut };
}

/** Whether a YAML text is the configuration of a training, by its names. */
export function isTrainingYaml(text: string): boolean {
  return OWN_NAMES.filter((name) => new RegExp(`^${name}\\s*:`, 'm').test(text)).length >= 2;
}

/** The mapping of a YAML file; refuses anything else with line and column. */
function parseMapping(text: string, file: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [fault] = document.errors;
  if (fault) {
    const { line, col } = lines.linePos(fault.pos[0]);
    refuse(`${file}, line ${line}, column ${col}: ${fault.message.split('\n')[0]} Wanted YAML.`);
  }
  const value: unknown = document.toJS();
  if (!isObject(value)) refuse(`${file} holds no YAML mapping. Wanted "name: value" lines, as the trainer reads them.`);
  return value;
}

function parameterOf(value: unknown): Scalar | Scalar[] {
  if (Array.isArray(value) && value.length <= 1000 && value.every(isScalar)) return value.map(scalarOf);
  return isScalar(value) ? scalarOf(value) : JSON.stringify(value);
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function scalarOf(value: Scalar): Scalar {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
