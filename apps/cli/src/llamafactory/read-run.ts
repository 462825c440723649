import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CliError, UNDETERMINED } from '../surroundings.js';
import { attemptOfStep, findAttempts, type Attempt } from './attempts.js';
import { describeDataset, type Dataset } from './dataset.js';
import { parseFacts, type Facts } from './facts.js';
import { identifyTrainer, type TrainerName } from './identify.js';
import { parseModelCard, type ModelCard } from './model-card.js';
import {
  findSameWeights,
  hashCheckpoints,
  hashOutputs,
  roleOf,
  type HashedCheckpoint,
  type HashedOutput,
} from './outputs.js';
import { parseJsonFile } from './python-json.js';
import { refuse } from './refuse.js';
import { readResults, type Results } from './results.js';
import { openRunFolder, readText, type RunFolder } from './run-folder.js';
import { Settler } from './settle.js';
import { parseTrainerLog, type TrainerLog } from './trainer-log.js';
import { parseTrainerState, type TrainerState } from './trainer-state.js';
import { isTrainingYaml, parseTrainingYaml, type Parameters } from './training-yaml.js';
import { requireOneRun } from './two-runs.js';

export interface RunOptions {
  readonly folder: string;
  readonly dataset?: string | undefined;
  readonly config?: string | undefined;
  readonly facts?: string | undefined;
  readonly experiment?: string | undefined;
  readonly name?: string | undefined;
}

export interface Config {
  readonly name: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly parameters: Parameters;
}

/** Everything that a folder and the files beside it tell of a run; no id in it yet. */
export interface RunMaterial {
  readonly options: RunOptions;
  readonly folder: RunFolder;
  readonly trainer: TrainerName;
  readonly log: TrainerLog | null;
  readonly state: TrainerState | null;
  readonly card: ModelCard | null;
  /** adapter_config.json, and config.json of the weights. */
  readonly adapter: Readonly<Record<string, unknown>> | null;
  readonly model: Readonly<Record<string, unknown>> | null;
  readonly config: Config | null;
  readonly facts: Settler;
  readonly dataset: Dataset | null;
  readonly attempts: readonly Attempt[];
  readonly results: Results;
  readonly isFinished: boolean;
  readonly outputs: readonly HashedOutput[];
  readonly checkpoints: readonly HashedCheckpoint[];
  /** Step that the final weights come from, and how that is known; null where there are none. */
  readonly finalStep: number | null;
  readonly lastStep: number;
  /** What is remarkable about the folder, in sentences. */
  readonly notes: readonly string[];
  /** The first row as it stands in its file. */
  readonly firstRow: string;
}

/**
 * Reads an output folder. Refuses, saying what was found, what was wanted and what to do: links that lead out, half-written
 * files, a foreign trainer's folder, two runs in one folder, facts that contradict it. The files are only read.
 */
export async function readRun(options: RunOptions): Promise<RunMaterial> {
  const notes: string[] = [];
  const folder = await openRunFolder(options.folder);
  const readme = await readText(folder, 'README.md');
  const card = readme === null ? null : parseModelCard(readme);
  const trainer = await identifyTrainer(folder, card);
  const { log, state } = await readRows(folder, notes);
  const config = await readConfig(folder, options, notes);
  const facts = new Settler(await readFacts(options.facts));
  const attempts = findAttempts({ log, state, isSaved: savedSteps(folder, config?.parameters ?? {}) });
  const firstRow = log?.firstLine ?? state?.firstRow ?? null;
  if (attempts.length === 0 || firstRow === null) {
    refuse(
      `${folder.path} holds no row of a training: it broke off before the first. Nothing tells this run from another.`,
    );
  }
  await requireOneRun(folder, attempts, state?.file ?? null);
  const { results, isFinished, lastStep } = await readEnd({ folder, log, state, attempts }, notes);
  const outputs = isFinished ? await hashOutputs(folder) : [];
  const checkpoints = await hashCheckpoints(folder);
  const unread = [
    ...folder.others,
    ...folder.files.filter((name) => roleOf(name) === null && name !== config?.name && !isGiven(name, options)),
  ];
  if (unread.length > 0) notes.push(`not read: ${unread.slice(0, 10).join(', ')}${unread.length > 10 ? ', ...' : ''}`);
  const loadsBest = facts
    .fresh()
    .settle('load_best_model_at_end', flagOrNull(config?.parameters['load_best_model_at_end']), '');
  const same = findSameWeights(outputs, checkpoints);
  return {
    ...{
      options,
      folder,
      trainer,
      log,
      state,
      card,
      config,
      facts,
      attempts,
      results,
      isFinished,
      outputs,
      checkpoints,
      notes,
    },
    adapter: await readObject(folder, 'adapter_config.json'),
    model: await readObject(folder, 'config.json'),
    dataset: options.dataset === undefined ? null : await describeDataset(options.dataset),
    finalStep: isFinished ? findFinalStep({ same, loadsBest, best: state?.best?.step ?? null, lastStep }, notes) : null,
    lastStep,
    firstRow,
  };
}

/** Of the attempt that the final weights come from, else of the last one. */
export function finalAttempt({ attempts, finalStep }: RunMaterial): number {
  return finalStep === null ? attempts.length - 1 : attemptOfStep(attempts, finalStep);
}

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

interface FinalStepInput {
  readonly same: readonly number[];
  readonly loadsBest: boolean | null;
  readonly best: number | null;
  readonly lastStep: number;
}

/**
 * Equal bytes prove it: the final weights are a checkpoint's. Else it is the best checkpoint's step where the trainer loads
 * that at the end, else the last step, which is said where nobody told the setting and it matters.
 */
export function findFinalStep({ same, loadsBest, best, lastStep }: FinalStepInput, notes: string[]): number {
  if (best !== null && loadsBest !== false && same.includes(best)) return best;
  if (same.length > 0) return Math.max(...same);
  if (best === null || best === lastStep || loadsBest === false) return lastStep;
  if (loadsBest) return best;
  notes.push(
    `the final weights are taken to be those of step ${lastStep}, not of the best checkpoint (step ${best}): nothing says ` +
      'load_best_model_at_end (--config, or in --facts)',
  );
  return lastStep;
}

async function readRows(
  folder: RunFolder,
  notes: string[],
): Promise<{ log: TrainerLog | null; state: TrainerState | null }> {
  const logText = await readText(folder, 'trainer_log.jsonl');
  const log = logText === null ? null : parseTrainerLog(logText);
  if (log?.cutOffLine) notes.push(`trainer_log.jsonl breaks off in line ${log.cutOffLine}: that line is left out`);
  for (const name of ['', ...folder.checkpoints.map(({ name: of }) => `${of}/`).reverse()]) {
    const file = `${name}trainer_state.json`;
    const text = await readText(folder, file);
    if (text !== null) return { log, state: parseTrainerState(text, file) };
  }
  return { log, state: null };
}

async function readConfig(folder: RunFolder, { config, facts }: RunOptions, notes: string[]): Promise<Config | null> {
  const bytes = config === undefined ? null : await readGiven('--config', config);
  if (config !== undefined && bytes) return toConfig(basename(config), bytes, notes);
  const candidates: [string, Buffer][] = [];
  for (const name of folder.files) {
    if (!/\.ya?ml$/i.test(name) || (facts !== undefined && basename(facts) === name)) continue;
    const found = await readFile(join(folder.path, name));
    if (isTrainingYaml(found.toString('utf8'))) candidates.push([name, found]);
  }
  const [first] = candidates;
  if (candidates.length > 1) {
    refuse(
      `${folder.path} holds several configurations (${candidates.map(([name]) => name).join(', ')}). Say which by --config.`,
    );
  }
  return first ? toConfig(...first, notes) : null;
}

function toConfig(name: string, bytes: Buffer, notes: string[]): Config {
  const { parameters, leftOut } = parseTrainingYaml(bytes.toString('utf8'), name);
  if (leftOut.length > 0)
    notes.push(`left out of the parameters, since they are named like credentials: ${leftOut.join(', ')}`);
  return { name, digest: digestOf(bytes), size_bytes: bytes.length, parameters };
}

async function readFacts(path: string | undefined): Promise<Facts | null> {
  return path === undefined ? null : parseFacts((await readGiven('--facts', path)).toString('utf8'), basename(path));
}

async function readGiven(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CliError(`${option} ${path} cannot be read (${code}). Wanted a file.`, UNDETERMINED, { cause });
  }
}

/** Steps at which weights were saved: checkpoints that are still there, and those that the configuration makes by steps. */
function savedSteps(folder: RunFolder, parameters: Parameters): (step: number) => boolean {
  const kept = new Set(folder.checkpoints.map(({ step }) => step));
  const { save_strategy: strategy = 'steps', save_steps: every } = parameters;
  const isRegular = strategy === 'steps' && Number.isSafeInteger(every) && (every as number) > 0;
  return (step) => kept.has(step) || (isRegular && step % (every as number) === 0);
}

type EndInput = Pick<RunMaterial, 'folder' | 'log' | 'state' | 'attempts'>;
type End = Pick<RunMaterial, 'results' | 'isFinished' | 'lastStep'>;

async function readEnd({ folder, state, attempts }: EndInput, notes: string[]): Promise<End> {
  const last = attempts.at(-1) as Attempt;
  const rows = last.rows;
  const final = state?.file === 'trainer_state.json' ? state : null;
  const lastStep = Math.max(0, ...rows.slice(-3).map(({ step }) => step ?? 0), final?.globalStep ?? 0);
  const hasSummary = rows.some(({ kind, step }) => kind === 'summary' && (step === null || step >= lastStep));
  const planned = last.totalSteps ?? state?.maxSteps ?? null;
  const files = new Map<string, Record<string, unknown>>();
  for (const name of folder.files) {
    const text = /^(all|train|eval|predict)_results\.json$/.test(name) ? await readText(folder, name) : null;
    if (text !== null) files.set(name, parseJsonFile(text, name));
  }
  const lastEpoch = final?.epoch ?? rows.findLast(({ epoch }) => epoch !== null)?.epoch ?? null;
  const results = readResults(files, { rows, lastStep, lastEpoch, elapsed_s: last.elapsed_s });
  const isFinished =
    hasSummary || last.hasEndRow || (planned !== null && lastStep >= planned) || results.summary !== null;
  const stale = new Map(results.stale);
  if (!isFinished)
    for (const name of files.keys()) if (!stale.has(name)) stale.set(name, 'the rows break off before an end');
  for (const [name, why] of stale) notes.push(`${name} does not fit the rows and is not used: ${why}`);
  const used = isFinished ? results : { ...results, summary: null, closing: null, predicted: null };
  return { results: { ...used, stale }, isFinished, lastStep };
}

async function readObject(folder: RunFolder, name: string): Promise<Record<string, unknown> | null> {
  const text = await readText(folder, name);
  return text === null ? null : parseJsonFile(text, name);
}

function isGiven(name: string, { dataset, config, facts }: RunOptions): boolean {
  return [dataset, config, facts].some((path) => path !== undefined && basename(path) === name);
}

function flagOrNull(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}
