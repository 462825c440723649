import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelCard } from './model-card.js';
import { refuse } from './refuse.js';
import type { RunFolder } from './run-folder.js';

/** What other trainers leave behind that this one does not. */
const FOREIGN: readonly (readonly [marker: RegExp, trainer: string])[] = [
  [/^(lightning_logs|hparams\.yaml)$|\.ckpt$/, 'PyTorch Lightning'],
  [/\.nemo$/, 'NeMo'],
  [/^(torchtune_config\.ya?ml|recipe_state(\.pt)?|epoch_\d+)$/, 'torchtune'],
  [/^latest_checkpointed_iteration\.txt$/, 'Megatron-LM'],
  [/^(mp_rank_\d+_model_states\.pt|zero_to_fp32\.py|global_step\d+)$/, 'DeepSpeed'],
  [/^(mlruns|mlflow\.db|meta\.yaml)$/, 'MLflow'],
  [/^checkpoint(_last|_best|\d+)\.pt$/, 'fairseq'],
];

export type TrainerName = 'llama_factory' | 'trl' | 'transformers';

/**
 * Whose folder it is. Without LLaMA-Factory's trainer_log.jsonl a folder with trainer_state.json is read as what the
 * transformers Trainer writes, TRL's and Axolotl's too. Refuses a checkpoint, a folder of several runs, a bare model and
 * another trainer's folder, each by its name.
 */
export async function identifyTrainer(folder: RunFolder, card: ModelCard | null): Promise<TrainerName> {
  const has = (name: string) => folder.files.includes(name);
  if (!has('trainer_log.jsonl')) {
    if (
      has('trainer_state.json') &&
      folder.files.some((name) => /^(rng_state.*\.pth|scheduler\.pt|optimizer\.pt)$/.test(name))
    ) {
      refuse(`${folder.path} is one checkpoint of a run. Wanted the run's output folder, the one above it.`);
    }
    if (!has('trainer_state.json') && folder.checkpoints.length === 0) await refuseOther(folder);
  }
  if (has('trainer_log.jsonl') || card?.tags.includes('llama-factory')) return 'llama_factory';
  return card?.tags.includes('trl') || card?.versions['trl'] !== undefined ? 'trl' : 'transformers';
}

async function refuseOther(folder: RunFolder): Promise<never> {
  const runs: string[] = [];
  for (const name of folder.others) {
    if ((await isThere(folder, `${name}/trainer_log.jsonl`)) || (await isThere(folder, `${name}/trainer_state.json`)))
      runs.push(name);
  }
  if (runs.length > 0) {
    refuse(
      `${folder.path} holds the folders of ${runs.length} runs (${runs.slice(0, 5).join(', ')}). Import each by itself.`,
    );
  }
  const names = [...folder.files, ...folder.others];
  const foreign = FOREIGN.find(([marker]) => names.some((name) => marker.test(name)));
  const wanted =
    "Wanted an output folder with LLaMA-Factory's trainer_log.jsonl or the transformers Trainer's trainer_state.json";
  if (foreign) refuse(`${folder.path} looks like a folder of ${foreign[1]}, which cannot be imported. ${wanted}.`);
  if (folder.files.includes('config.json') || folder.files.includes('adapter_config.json')) {
    refuse(`${folder.path} holds a model, but nothing of how it was trained. ${wanted}.`);
  }
  refuse(`${folder.path} holds ${names.slice(0, 5).join(', ')}, nothing that a trainer writes. ${wanted}.`);
}

async function isThere(folder: RunFolder, name: string): Promise<boolean> {
  return stat(join(folder.path, name)).then(
    () => true,
    () => false,
  );
}
