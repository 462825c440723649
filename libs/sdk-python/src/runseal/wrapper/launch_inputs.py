"""Records what a command is about to train with, as far as its configuration tells."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from functools import partial
from typing import Any, Optional

from ..configuration.dataset_info import DatasetSource, read_dataset_info
from ..configuration.launch import Launch, text_or_none
from ..configuration.yaml_config import YamlConfig
from ..events.masking import mask_secrets
from ..events.payloads import Json
from ..recording.run import Run
from ..spool.kept_text import keep_text
from ..surroundings.file_in_git import find_in_git

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


def record_config(run: Run, launch: Launch, spool_dir: str) -> None:
    """The configuration as it stands in its file, and what was handed over in its place. The texts are kept beside the spool."""
    config = launch.config
    if config is None:
        path = launch.config_path
        if path is not None:
            run.log_input("config", path=path, hash=True)
        return
    git = None
    if config.git is not None:
        commit = config.git.commit if _COMMIT.match(config.git.commit or "") else None
        git = {
            "repository": config.git.repository,
            "commit": commit,
            "dirty": config.git.dirty or config.git.tree_dirty,
        }
    facts: Any = {} if git is None else {"git": git}
    run.log_input("config", path=config.path, hash=True, resolved_digest=config.resolved_digest, **facts)
    keep_text(spool_dir, config.masked_text, ".yaml")
    keep_text(spool_dir, config.resolved, ".json")
    if launch.is_llama_factory and config.expanded != config.raw:
        run.log_input(
            "other", role="config.expanded", name=os.path.basename(config.path), digest=config.expanded_digest
        )
    if config.masked:
        run.record("run.annotated", _remark(run, "config_masked", ", ".join(config.masked)[:16_000]))


def masked_values(config: YamlConfig) -> Json:
    return dict(mask_secrets(config.values)[0])


def has_datasets(launch: Launch) -> bool:
    return launch.is_llama_factory and bool(launch.values.get("dataset"))


def record_datasets(run: Run, launch: Launch, facts: Json) -> None:
    """The files that LLaMA-Factory's list of datasets names; `facts` are what a person states of them."""
    values = launch.values
    folder = text_or_none(values.get("dataset_dir")) or "data"
    model = text_or_none(values.get("model_name_or_path"))
    tokenizer = model if model is not None and os.path.isdir(model) else None
    for key, role in (("dataset", "train"), ("eval_dataset", "eval")):
        names = values.get(key)
        if not isinstance(names, (str, list)) or not names:
            continue
        for source in read_dataset_info(folder, names if isinstance(names, str) else [str(one) for one in names]):
            stated, places = facts.get(key, {}), (folder, tokenizer)
            run.guard(f"dataset {source.name}", partial(_record_dataset, run, source, {"role": role}, stated, places))


def _record_dataset(
    run: Run, source: DatasetSource, own: Json, stated: Json, places: tuple[str, Optional[str]]
) -> None:
    folder, tokenizer = places
    facts: Any = {**own, "name": source.name}
    facts.update({name: value for name, value in (("schema", source.schema), ("source", source.source)) if value})
    told: Any = {**stated, "asserted": [f"/payload/{name}" for name in stated]}
    if source.path is None:
        run.log_input("dataset", **{**facts, **told})
        return
    version, repository = _version_of(source, folder)
    facts.update({} if version is None else {"version": version})
    facts.update({} if repository is None else {"source": repository})
    run.log_input("dataset", path=source.path, hash=True, profile=True, tokenizer=tokenizer, **{**facts, **told})


def _version_of(source: DatasetSource, folder: str) -> tuple[Optional[str], Optional[str]]:
    """What pins a dataset: the commit that holds it as it is, or the digest beside its name in dataset_info.json; and where
    that commit is to be had."""
    git = find_in_git(source.path or "")
    if git is not None and git.commit is not None and git.tracked and not git.dirty:
        return git.commit, git.repository
    with suppress(OSError, ValueError, AttributeError, RecursionError):
        with open(os.path.join(folder, "dataset_info.json"), encoding="utf-8") as file:
            digest = json.load(file).get(source.name).get("sha256")
        if isinstance(digest, str) and digest:
            return digest if digest.startswith("sha256:") else f"sha256:{digest}", None
    return None, None


def _remark(run: Run, name: str, text: str) -> Json:
    return {"attempt": run.attempt, "name": name, "text": text, "value": None}
