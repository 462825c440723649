"""What is found out while the training goes on: environment, code, base model, training data."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from functools import partial
from typing import Any, Optional

from ..canonical_json import canonical_json
from ..configuration.training_config import config_file
from ..environment import read_environment
from ..events.masking import mask_secrets
from ..events.payloads import flatten_parameters
from ..recording.run import Run
from ..spool.kept_text import KeptText, keep_text
from ..surroundings.git_state import GitState, read_diff, read_git
from ..surroundings.machine import describe_determinism, describe_hardware, describe_packages, image_digest
from .data_facts import data_facts, rows_digest
from .trainer_facts import base_model_of, gpus_each, seeds_of

Json = dict[str, Any]


def find_facts(run: Run, objects: Json, options: Json) -> None:
    """Records what it finds; what goes wrong with one is told and leaves the others as they are. Never raises."""
    for what, find in (
        ("the environment", _environment),
        ("the configuration", _config),
        ("the base model", _base_model),
        ("the dataset", _training_data),
    ):
        run.guard(what, partial(find, run, objects, options))


def _environment(run: Run, objects: Json, options: Json) -> None:
    args, environment = objects["args"], read_environment()
    processes = int(getattr(args, "world_size", 1) or 1)
    facts: Any = {
        "seeds": seeds_of(args),
        **describe_packages(),
        "platform": platform.platform(),
        "hardware": describe_hardware(processes, gpus_each(args), _hosts(processes, environment.local_processes)),
        "determinism": describe_determinism(),
        "image_digest": image_digest(environment.image),
    }
    run.log_environment(**facts)


def _config(run: Run, objects: Json, options: Json) -> None:
    """The configuration's file, the arguments as they were resolved, and the state of the code."""
    resolved = keep_resolved(run, options["parameters"])
    options["found"]["resolved"] = resolved.path
    wrapped = options["wrapped"]
    path = None if wrapped is not None and wrapped.has_taken("config") else config_file(sys.argv)
    git = read_git(path or os.getcwd()) or read_git(os.getcwd())
    state = None if git is None else {"repository": git.repository, "commit": git.commit, "dirty": git.dirty}
    more: Any = {"path": path, "hash": True} if path else {}
    more.update({} if state is None else {"git": state})
    run.log_input("config", resolved_digest=resolved.digest, **more)
    payload = {**_FILE, "kind": "config", "name": "resolved arguments", "location": resolved.path, "run": run.id}
    payload["size_bytes"] = resolved.size_bytes
    run.record("artifact.registered", payload, stream=f"artifact/{resolved.digest}")
    if git is not None:
        _diff(run, git)


_FILE: Json = {"asserted": [], "form": "file", "files": None}


def _diff(run: Run, git: GitState) -> None:
    text = read_diff(git)
    if text is not None:
        kept = keep_text(_folder_of(run), text, ".diff")
        place: Any = {} if kept.path is None else {"path": kept.path}
        run.log_input("other", role="code", name="uncommitted changes", digest=kept.digest, **place)


def keep_resolved(run: Run, parameters: Json) -> KeptText:
    """The arguments after defaults and overrides, secrets masked, as canonical JSON."""
    clean, _ = mask_secrets(flatten_parameters(parameters))
    return keep_text(_folder_of(run), canonical_json(clean), ".json")


def _folder_of(run: Run) -> str:
    return run._recorder.folder if run._recorder is not None else os.getcwd()


def _base_model(run: Run, objects: Json, options: Json) -> None:
    found = base_model_of(objects.get("model"))
    stated = options.get("base_model") or {}
    if found is None and not stated:
        return
    own = {} if found is None else {name: value for name, value in found._asdict().items() if value is not None}
    run.log_input("base_model", hash="path" in own, **_with_stated(own, stated))


def _training_data(run: Run, objects: Json, options: Json) -> None:
    """As far as the trainer tells; a wrapper that has read the configuration knows more."""
    data = getattr(objects.get("train_dataloader"), "dataset", None)
    wrapped = options["wrapped"]
    if data is None or (wrapped is not None and wrapped.has_taken("datasets")) or "dataset" in options["told"]:
        return
    facts = data_facts(data)
    own = {name: value for name, value in facts._asdict().items() if value is not None}
    more: Any = {}
    if facts.path is None:
        digest = rows_digest(data)
        own.update({} if digest is None else {"digest": digest})
    else:
        # The file's own columns are found out; these are what was made of them.
        own.pop("schema", None)
        more = {"hash": True, "profile": True, "tokenizer": _tokenizer_of(objects)}
    named = _with_stated({"name": facts.name or "train", **own}, options.get("dataset") or {})
    run.log_input("dataset", role="train", **more, **named)


def _tokenizer_of(objects: Json) -> Optional[str]:
    """The folder that the training's tokenizer was read from."""
    place = getattr(objects.get("processing_class"), "name_or_path", None)
    return place if isinstance(place, str) and os.path.isdir(place) else None


def _with_stated(found: Json, stated: Json) -> Any:
    """What a person stated beside what was found, marked as such."""
    return {**found, **stated, "asserted": [f"/payload/{name}" for name in stated]}


def _hosts(processes: int, local: Optional[str]) -> Optional[int]:
    with suppress(TypeError, ValueError):
        return max(1, processes // int(local or ""))
    return 1 if processes == 1 else None
