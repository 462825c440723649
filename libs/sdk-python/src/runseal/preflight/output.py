"""Where the run writes, and what lies there already."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator

from .subject import Finding, Subject

#: Weights in an output folder that make LLaMA-Factory refuse to start.
_WEIGHTS = (
    "adapter_model.safetensors",
    "adapter_model.bin",
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


def check_output(subject: Subject) -> Iterator[Finding]:
    folder = os.path.expanduser(str(subject.value("output_dir", "trainer_output")))
    names = _list(folder)
    steps = sorted(int(found[1]) for found in map(_CHECKPOINT.fullmatch, names) if found)
    is_overwritten, is_asked = subject.is_on("overwrite_output_dir"), subject.is_on("resume_from_checkpoint")
    fix = f"output_dir: {folder.rstrip('/')}-2"
    if steps and not is_overwritten and not is_asked:
        found = f"{folder} has checkpoint-{steps[-1]}: the trainer goes on from it without being asked"
        fixes = (
            f"resume_from_checkpoint: {folder.rstrip('/')}/checkpoint-{steps[-1]}   # where that is meant, else:\n{fix}"
        )
        yield subject.say("output.resume", "warn", found, "a folder of its own for a new run", fixes, "output_dir")
    else:
        told = "resume_from_checkpoint is given" if is_asked else "nothing to go on from"
        yield subject.say("output.resume", "ok", told)
    weights = [name for name in _WEIGHTS if name in names]
    if weights and not steps and not is_overwritten and not is_asked:
        found = f"{folder} holds {weights[0]} and no checkpoint, which LLaMA-Factory refuses"
        yield subject.say("output.leftover", "error", found, "a folder of its own for a new run", fix, "output_dir")
    else:
        yield subject.say("output.leftover", "ok", "none")
    if is_overwritten and names:
        found = f"overwrite_output_dir is on and {folder} is not empty: what the new run does not write stays from the old one"
        fixes = f"{fix}\nrm -r {shlex.quote(folder)}   # or this, where nobody needs it"
        yield subject.say(
            "output.overwrite", "warn", found, "a folder of its own for a new run", fixes, "overwrite_output_dir"
        )
    else:
        yield subject.say("output.overwrite", "ok", "nothing")


def check_precision(subject: Subject) -> Iterator[Finding]:
    if subject.is_on("bf16") and subject.is_on("fp16"):
        yield subject.say("precision.one", "error", "bf16 and fp16 are both on", "one of them", "fp16: false", "fp16")
    else:
        yield subject.say(
            "precision.one", "ok", next((name for name in ("bf16", "fp16") if subject.is_on(name)), "float32")
        )


def _list(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name != ".runseal"]
    except OSError:
        return []
