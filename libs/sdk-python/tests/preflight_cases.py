"""Configurations with one thing wrong each, or right where it looks wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Optional

from training_folder import CLEAN, git, yaml_of

CONFIGS = Path(__file__).parent / "configs"


GONE = object()


HUB = {"model_name_or_path": "someone/some-model"}


class Case(NamedTuple):
    id: str
    severity: str
    #: In what was found.
    words: str
    #: Keys of the configuration; GONE takes one out.
    change: dict[str, Any]
    #: What else is done to the folder, before and after all is committed.
    before: Optional[Callable[[Path], object]] = None
    after: Optional[Callable[[Path], object]] = None
    variables: Mapping[str, str] = MappingProxyType({})
    name: str = "train.yaml"


def write(name: str, text: str) -> Callable[[Path], object]:
    def do(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    return do


def dataset_info(**entries: Any) -> Callable[[Path], object]:
    return write("data/dataset_info.json", json.dumps(entries))


HELD_OUT = {"file_name": "tasks_held_out.json"}


ROWS = json.dumps([{"instruction": "tasks", "input": "", "output": "x"}])


RIGHT = hashlib.sha256(ROWS.encode()).hexdigest()


BAD = [
    Case("config.file-name", "error", "JSON, which LLaMA-Factory 0.9.5", {}, name="train.json"),
    Case("config.file-name", "error", "taken for an option", {}, name="train.conf"),
    Case("config.in-git", "error", "no git repository", {}, after=lambda folder: (folder / ".git").rename("gone")),
    Case(
        "config.in-git",
        "error",
        "does not track",
        {},
        after=lambda folder: git(folder, "rm", "-q", "--cached", "train.yaml"),
    ),
    Case("config.clean", "warn", "differs", {}, after=write("train.yaml", yaml_of({**CLEAN, "seed": 1}))),
    Case("config.tree-clean", "warn", "other files", {}, after=write(".gitignore", "out\nmodel\nx\n")),
    Case("config.variables", "error", "${RANK_WANTED} in lora_rank", {"lora_rank": "${RANK_WANTED}"}),
    Case("config.variables", "error", "${oc.env:X}", {"run_name": "${oc.env:X}"}),
    Case("keys.known", "error", "does not know the key learning_rat", {"learning_rat": 1}),
    Case("keys.known", "warn", "ALLOW_EXTRA_ARGS", {"learning_rat": 1}, variables={"ALLOW_EXTRA_ARGS": "1"}),
    Case("keys.older", "warn", "no_cuda", {"no_cuda": True}),
    *(
        Case("keys.required", "error", f"{key} is missing", {key: GONE})
        for key in ("model_name_or_path", "do_train", "dataset")
    ),
    *(
        Case("keys.required", "warn", f"{key} is missing", {key: GONE})
        for key in ("stage", "finetuning_type", "template", "output_dir")
    ),
    Case("keys.required", "error", "nothing would be trained", {"do_train": False}),
    Case("keys.value", "error", 'a bare "no" is false', {"eval_strategy": False}),
    Case("keys.value", "error", "stage: stf", {"stage": "stf"}),
    Case("keys.value", "error", "save_steps is no number", {"save_steps": "500"}),
    Case("keys.value", "error", "a bare on, off", {"output_dir": False}),
    Case("keys.value", "error", "seed is no number", {"seed": True}),
    Case("dataset.found", "error", "has no dataset other", {"dataset": "tasks, other"}),
    Case("dataset.found", "error", "does not exist", {}, after=lambda folder: (folder / "data/tasks.json").unlink()),
    Case("dataset.found", "error", "cannot be read", {"dataset_dir": "elsewhere"}),
    Case("dataset.found", "error", "no path", {"dataset_dir": 5}),
    Case("dataset.versioned", "error", "no version pins", {}, before=write(".gitignore", "out\nhub\ntasks.json\n")),
    Case("dataset.versioned", "warn", "differs from the commit", {}, after=write("data/tasks.json", "[]")),
    Case(
        "dataset.unchanged",
        "error",
        f"sha256:{RIGHT}, dataset_info.json says",
        {},
        before=dataset_info(tasks={"file_name": "tasks.json", "sha256": "0" * 64}, tasks_held_out=HELD_OUT),
    ),
    Case(
        "dataset.hub",
        "warn",
        "who/what",
        {},
        before=dataset_info(tasks={"hf_hub_url": "who/what"}, tasks_held_out=HELD_OUT),
    ),
    Case(
        "dataset.hub",
        "warn",
        "does not read the revision",
        {},
        before=dataset_info(tasks={"hf_hub_url": "who/what", "revision": "a" * 40}, tasks_held_out=HELD_OUT),
    ),
    Case("model.found", "error", "no folder ./gone", {"model_name_or_path": "./gone"}),
    Case("model.found", "error", "no folder /srv/models/gone", {"model_name_or_path": "/srv/models/gone"}),
    Case("model.revision", "warn", "taken from main, which moves", HUB),
    Case("model.revision", "warn", "taken from v1.0", {**HUB, "model_revision": "v1.0"}),
    Case("model.source", "info", "G6 blocks", {"model_name_or_path": "plain"}, after=write("plain/config.json", "{}")),
    Case("experiment.named", "warn", "neither", {"run_name": GONE}),
    Case("seeds.seed", "warn", "seed is missing", {"seed": GONE}),
    Case("seeds.seed", "error", "null", {"seed": None}),
    Case("seeds.data-seed", "warn", "data_seed is missing", {"data_seed": GONE}),
    Case("reporting.on", "warn", "to nobody", {"report_to": GONE}),
    Case("reporting.on", "warn", "to nobody", {"report_to": "none"}),
    Case("reporting.on", "warn", "to wandb only", {"report_to": ["wandb"]}),
    Case("reporting.on", "error", "null", {"report_to": None}),
    Case("reporting.on", "error", "refuses runseal in the PPO stage", {"stage": "ppo"}),
    Case("reporting.on", "info", "MLflow gets", {"report_to": "mlflow"}),
    Case("logging.steps", "warn", "takes 500", {"logging_steps": GONE}),
    Case("logging.steps", "error", "logging_steps: 0", {"logging_steps": 0}),
    Case("logging.steps", "error", "no loss is ever logged", {"logging_strategy": "no"}),
    Case("logging.tokens", "warn", "not counted", {"include_num_input_tokens_seen": GONE}),
    Case("logging.tokens", "warn", "not counted", {"include_num_input_tokens_seen": "no"}),
    Case("evaluation.on", "warn", "missing or no", {"eval_strategy": GONE}),
    Case("evaluation.on", "warn", "missing or no", {"eval_strategy": "no"}),
    Case("evaluation.steps", "warn", "takes logging_steps", {"eval_steps": GONE}),
    Case("evaluation.set", "error", "nothing to evaluate on", {"eval_dataset": GONE}),
    Case(
        "evaluation.set",
        "error",
        "nothing to evaluate on",
        {"eval_dataset": GONE, "eval_strategy": "no", "do_eval": True},
    ),
    Case("evaluation.set", "error", "both", {"val_size": 0.1}),
    Case("evaluation.fixed-set", "info", "val_size", {"eval_dataset": GONE, "val_size": 0.1}),
    Case("saving.steps", "warn", "takes 500", {"save_steps": GONE}),
    Case("saving.steps", "warn", "killed run", {"save_strategy": "no", "load_best_model_at_end": False}),
    Case("saving.limit", "warn", "every checkpoint", {"save_total_limit": GONE}),
    Case("saving.best", "error", "12 is no multiple of eval_steps 5", {"save_steps": 12}),
    Case("saving.best", "error", "500 is no multiple of eval_steps 3", {"save_steps": GONE, "eval_steps": 3}),
    Case("saving.best", "error", "10 is no multiple of eval_steps 3", {"eval_steps": GONE, "logging_steps": 3}),
    Case("saving.best", "error", "0.5 is no multiple", {"save_steps": 0.5}),
    Case("saving.best", "error", "0.25 is no multiple of eval_steps 0.1", {"save_steps": 0.25, "eval_steps": 0.1}),
    Case("saving.best", "error", "save_strategy is epoch, eval_strategy is steps", {"save_strategy": "epoch"}),
    Case("saving.best", "error", "save_strategy is steps, eval_strategy is no", {"eval_strategy": "no"}),
    Case("saving.best", "error", "refuses it in the stage rm", {"stage": "rm"}),
    Case("output.resume", "warn", "has checkpoint-10", {}, after=write("out/checkpoint-10/x", "")),
    Case("output.leftover", "error", "adapter_model.safetensors", {}, after=write("out/adapter_model.safetensors", "")),
    Case(
        "output.overwrite",
        "warn",
        "not empty",
        {"overwrite_output_dir": True},
        after=write("out/all_results.json", "{}"),
    ),
    Case("precision.one", "error", "both on", {"bf16": True, "fp16": True}),
]


#: Other ways to be well than the clean folder's own.
GOOD = [
    Case(
        "config.variables", "ok", "", {"lora_rank": "${RANK_WANTED:-8}", "run_name": "${NAME}"}, variables={"NAME": "x"}
    ),
    Case(
        "dataset.versioned",
        "ok",
        "pinned by its digest",
        {},
        before=dataset_info(tasks={"file_name": "tasks.json", "sha256": RIGHT}, tasks_held_out=HELD_OUT),
    ),
    Case(
        "dataset.unchanged",
        "ok",
        RIGHT[:12],
        {},
        before=dataset_info(tasks={"file_name": "tasks.json", "sha256": f"sha256:{RIGHT}"}, tasks_held_out=HELD_OUT),
    ),
    Case(
        "dataset.versioned",
        "ok",
        ".dvc is committed",
        {},
        before=lambda folder: [
            write(".gitignore", "out\nhub\ntasks.json\n")(folder),
            write("data/tasks.json.dvc", "outs: []")(folder),
        ],
    ),
    Case("model.revision", "ok", "a" * 12, {**HUB, "model_revision": "a" * 40}),
    Case("model.source", "ok", "someone/some-model", HUB),
    Case("model.source", "ok", "someone/tiny", {}),
    Case("experiment.named", "ok", "mine", {"run_name": GONE}, variables={"RUNSEAL_EXPERIMENT": "mine"}),
    Case("reporting.on", "ok", "mlflow, runseal", {"report_to": ["mlflow", "runseal"]}),
    Case("logging.steps", "ok", "epoch", {"logging_strategy": "epoch", "logging_steps": GONE}),
    Case("logging.tokens", "ok", "", {"include_num_input_tokens_seen": "non_padding"}),
    Case("evaluation.on", "ok", "epoch", {"eval_strategy": "epoch", "save_strategy": "epoch"}),
    Case(
        "evaluation.set", "ok", "none", {"eval_dataset": GONE, "eval_strategy": GONE, "load_best_model_at_end": False}
    ),
    Case("saving.best", "ok", "is loaded", {"save_strategy": "best"}),
    Case("saving.best", "ok", "is loaded", {"save_strategy": "epoch", "eval_strategy": "epoch"}),
    Case("saving.best", "ok", "is loaded", {"save_steps": 0.3, "eval_steps": 0.1}),
    Case("saving.best", "ok", "is loaded", {"save_steps": 10, "eval_steps": 0.5}),
    Case("saving.best", "ok", "is not asked for", {"load_best_model_at_end": False, "save_steps": 12}),
    Case(
        "output.resume",
        "ok",
        "is given",
        {"resume_from_checkpoint": "out/checkpoint-10"},
        after=write("out/checkpoint-10/x", ""),
    ),
    Case("output.leftover", "ok", "", {"overwrite_output_dir": True}, after=write("out/model.safetensors", "")),
    Case("output.resume", "ok", "", {"overwrite_output_dir": True}, after=write("out/checkpoint-10/x", "")),
    Case("output.overwrite", "ok", "", {"overwrite_output_dir": True}),
    Case("output.overwrite", "ok", "", {}, after=write("out/all_results.json", "{}")),
    Case("precision.one", "ok", "bf16", {"bf16": True, "fp16": False}),
]


def name_of(case: Case) -> str:
    return f"{case.id}: {case.words}"
