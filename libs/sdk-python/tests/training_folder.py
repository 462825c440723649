"""A folder as somebody trains from: a repository with a configuration that preflight calls clean, its data and its model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

#: As it lies in a hub's cache, so that the path tells whose it is.
MODEL = f"hub/models--someone--tiny/snapshots/{'a' * 40}"
CLEAN: dict[str, Any] = {
    "model_name_or_path": MODEL,
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_target": "all",
    "lora_rank": 8,
    "dataset": "tasks",
    "eval_dataset": "tasks_held_out",
    "dataset_dir": "data",
    "template": "default",
    "cutoff_len": 128,
    "output_dir": "out",
    "run_name": "clean",
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 4,
    "learning_rate": 1.0e-3,
    "max_steps": 20,
    "use_cpu": True,
    "seed": 42,
    "data_seed": 42,
    "report_to": "runseal",
    "logging_steps": 2,
    "include_num_input_tokens_seen": True,
    "eval_strategy": "steps",
    "eval_steps": 5,
    "save_strategy": "steps",
    "save_steps": 10,
    "save_total_limit": 2,
    "load_best_model_at_end": True,
    "metric_for_best_model": "eval_loss",
    "greater_is_better": False,
}


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, "-C", str(folder), *arguments], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def yaml_of(values: dict[str, Any]) -> str:
    """JSON in each value is YAML."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items())


def make_training_folder(folder: Path) -> None:
    """Everything committed; the data are a few rows, the model is a folder without weights."""
    (folder / "data").mkdir(parents=True)
    (folder / MODEL).mkdir(parents=True)
    (folder / MODEL / "config.json").write_text("{}")
    (folder / ".gitignore").write_text("out\nhub\n")
    info = {}
    for name in ("tasks", "tasks_held_out"):
        (folder / "data" / f"{name}.json").write_text(json.dumps([{"instruction": name, "input": "", "output": "x"}]))
        info[name] = {"file_name": f"{name}.json"}
    (folder / "data" / "dataset_info.json").write_text(json.dumps(info))
    (folder / "train.yaml").write_text(yaml_of(CLEAN))
    git(folder, "init", "-q")
    commit_all(folder)


def commit_all(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
