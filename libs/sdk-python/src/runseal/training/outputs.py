"""What a trainer has left in its output folder when it is done, each file recorded for what it is."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Optional

from ..recording.run import Run

#: Names that trainers give, and what the files are; the importer of the program that comes with the server has the same.
_ROLES = (
    (
        re.compile(
            r"(adapter_model|model|pytorch_model|consolidated)([-.].*)?\.(safetensors|bin|pt|pth)(\.index\.json)?\Z"
        ),
        "weights",
    ),
    (re.compile(r"training_args\.(bin|json|yaml)\Z"), "training_args"),
    (
        re.compile(
            r"(tokenizer.*|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|chat_template.*|spiece\.model)\Z"
        ),
        "tokenizer",
    ),
    (
        re.compile(
            r"(.*_results\.json|training_.*\.png|README\.md|trainer_state\.json|trainer_log\.jsonl|generated_predictions\.jsonl)\Z"
        ),
        "report",
    ),
    (re.compile(r"(adapter_config|config|generation_config|preprocessor_config|processor_config)\.json\Z"), "other"),
)
#: File systems keep times in steps.
_CLOCK_S = 2.0


def role_of(name: str) -> Optional[str]:
    """What a file of an output folder is; None for one that no trainer writes."""
    return next((role for names, role in _ROLES if names.match(name)), None)


def find_outputs(folder: str, since: float = 0.0) -> dict[str, list[str]]:
    """Names of the files directly in a folder by role, sorted; those not written since (seconds since 1970) are left out: they
    are another run's. Empty where the folder cannot be read."""
    found: dict[str, list[str]] = {}
    with suppress(OSError):
        for entry in sorted(os.scandir(folder), key=lambda one: one.name):
            role = role_of(entry.name)
            if role is not None and entry.is_file() and entry.stat().st_mtime >= since - _CLOCK_S:
                found.setdefault(role, []).append(entry.name)
    return found


def record_outputs(run: Run, folders: Sequence[str], weights: str, since: float) -> set[str]:
    """Records the outputs in the first folder, hashed. Roles of which it has no file come from the next folder: a training that
    saved no model leaves the weights of a checkpoint. `weights` says what kind of weights they are. Returns the roles that
    were found."""
    taken: set[str] = set()
    for folder in folders:
        found = find_outputs(folder, since)
        for role, names in found.items():
            if role not in taken:
                _record(run, folder, role, names, weights)
        taken |= set(found)
    return taken


def _record(run: Run, folder: str, role: str, names: list[str], weights: str) -> None:
    if role == "weights" and len(names) > 1:
        # Shards and their index, and nothing else that lies there.
        shards = [os.path.join(folder, name) for name in names]
        run.log_output("weights", type=weights, path=shards, hash=True, check_tensors=True)
        return
    for name in names:
        more: Any = {"type": weights} if role == "weights" else {}
        run.log_output(role, path=os.path.join(folder, name), hash=True, check_tensors=role == "weights", **more)
