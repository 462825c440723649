import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { manifestBytes } from '@runseal/chain';
import type { EventPayload } from '@runseal/contracts';
import { hashPath, type PathContent } from '@runseal/sdk';
import { CliError, NO, UNDETERMINED } from '../surroundings.js';
import { requireWholeWeights, type RunFolder } from './run-folder.js';

type Role = EventPayload<'run.output-recorded'>['role'];

/** A file or the shards of the weights, hashed. `path` is relative to the output folder. */
export interface HashedOutput extends PathContent {
  readonly role: Role;
  readonly path: string;
}

export interface HashedCheckpoint extends PathContent {
  readonly step: number;
  readonly path: string;
}

const ROLES: readonly (readonly [names: RegExp, role: Role])[] = [
  [/^(adapter_model|model|pytorch_model|consolidated)([-.].*)?\.(safetensors|bin|pt|pth)(\.index\.json)?$/, 'weights'],
  [/^training_args\.(bin|json|yaml)$/, 'training_args'],
  [
    /^(tokenizer.*|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|chat_template.*|spiece\.model)$/,
    'tokenizer',
  ],
  [
    /^(.*_results\.json|training_.*\.png|README\.md|trainer_state\.json|trainer_log\.jsonl|generated_predictions\.jsonl)$/,
    'report',
  ],
  [/^(adapter_config|config|generation_config|preprocessor_config|processor_config)\.json$/, 'other'],
];

/** What a file of an output folder is; null for one that no trainer writes. */
export function roleOf(name: string): Role | null {
  return ROLES.find(([names]) => names.test(name))?.[1] ?? null;
}

/**
 * Hashes the outputs. One file of weights is known by its own digest, so that whoever has the file can ask for it; shards and
 * their index together by the manifest of just these files. Refuses weights that break off.
 */
export async function hashOutputs(folder: RunFolder): Promise<HashedOutput[]> {
  const outputs: HashedOutput[] = [];
  for (const path of folder.files) {
    const role = roleOf(path);
    if (role === null) continue;
    await requireWholeWeights(join(folder.path, path));
    outputs.push({ role, path, ...(await hash(join(folder.path, path))) });
  }
  const weights = outputs.filter(({ role }) => role === 'weights');
  if (weights.length < 2) return outputs;
  return [joinShards(weights), ...outputs.filter(({ role }) => role !== 'weights')];
}

export async function hashCheckpoints(folder: RunFolder): Promise<HashedCheckpoint[]> {
  const checkpoints: HashedCheckpoint[] = [];
  for (const { step, name } of folder.checkpoints) {
    const content = await hash(join(folder.path, name));
    for (const { path } of content.files ?? []) await requireWholeWeights(join(folder.path, name, path));
    checkpoints.push({ step, path: name, ...content });
  }
  return checkpoints;
}

/** Steps of the checkpoints whose weights are the final ones, byte for byte. */
export function findSameWeights(outputs: readonly HashedOutput[], checkpoints: readonly HashedCheckpoint[]): number[] {
  const weights = outputs.filter(({ role }) => role === 'weights');
  const finals = weights.flatMap(({ path, digest, files }) => files ?? [{ path, digest }]);
  if (finals.length === 0) return [];
  return checkpoints
    .filter(({ files }) =>
      finals.every(({ path, digest }) => files?.some((file) => file.path === path && file.digest === digest)),
    )
    .map(({ step }) => step);
}

function joinShards(shards: readonly HashedOutput[]): HashedOutput {
  const files = shards.map(({ path, digest, size_bytes }) => ({ path, digest, size_bytes }));
  const manifest = manifestBytes(
    files.map(({ path, digest, size_bytes: size }) => ({ path, sha256: digest.slice(7), size })),
  );
  return {
    role: 'weights',
    path: '.',
    form: 'folder',
    digest: `sha256:${createHash('sha256').update(manifest).digest('hex')}`,
    size_bytes: files.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
    files,
  };
}

async function hash(path: string): Promise<PathContent> {
  try {
    return await hashPath(path);
  } catch (cause) {
    // What the disk refuses may be another answer later; links that lead out and files that change are the folder's own.
    const exitCode = (cause as NodeJS.ErrnoException).code === undefined ? NO : UNDETERMINED;
    throw new CliError(`${path} cannot be hashed: ${(cause as Error).message}.`, exitCode, { cause });
  }
}
