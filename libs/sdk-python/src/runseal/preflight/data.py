"""What goes in: the datasets and the base model."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

from ..configuration.dataset_info import DatasetSource, read_dataset_info
from ..files.hash_path import hash_path
from ..surroundings.file_in_git import find_in_git
from ..surroundings.hub_cache import find_in_hub_cache
from .subject import Finding, Subject

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
#: A digest to paste is worth a second, not a minute.
_SUGGESTED_BYTES_MAX = 256 * 1024 * 1024
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class _Pin(NamedTuple):
    severity: str
    found: str


def check_datasets(subject: Subject) -> Iterator[Finding]:
    """The sets to train and to evaluate on, each once."""
    folder = subject.value("dataset_dir", "data")
    if not isinstance(folder, str):
        yield subject.say(
            "dataset.found", "error", "dataset_dir is no path", "a folder", "dataset_dir: data", "dataset_dir"
        )
        return
    seen: set[str] = set()
    for key in ("dataset", "eval_dataset"):
        names = subject.value(key, "")
        if not isinstance(names, (str, list)) or "${" in str(names) + folder:
            continue
        for source in read_dataset_info(folder, names if isinstance(names, str) else [str(one) for one in names]):
            if source.name not in seen:
                seen.add(source.name)
                yield from _check(subject, key, folder, source)


def _check(subject: Subject, key: str, folder: str, source: DatasetSource) -> Iterator[Finding]:
    name, info = source.name, os.path.join(folder, "dataset_info.json")
    if source.fault is not None:
        fix = f'"{name}": {{"file_name": "{name}.json"}}   # in {info}'
        yield subject.say("dataset.found", "error", source.fault, "the files that dataset_info.json names", fix, key)
        return
    if source.path is None:
        yield _hub(subject, key, info, source)
        return
    yield subject.say("dataset.found", "ok", f"{name} is {source.path}", key=key)
    entry = _entry(info, name)
    told = _SHA256.fullmatch(str(entry.get("sha256", "")))
    if told is not None:
        yield _compare(subject, key, source, told[1])
        yield subject.say("dataset.versioned", "ok", f"{name} is pinned by its digest in dataset_info.json", key=key)
        return
    pin = _pin(source.path)
    place = shlex.quote(os.path.dirname(source.path) or ".")
    base = shlex.quote(os.path.basename(source.path))
    fix = f"git -C {place} add {base} && git -C {place} commit -m 'Version the dataset' -- {base}"
    if pin.severity == "ok":
        yield subject.say("dataset.versioned", "ok", f"{name}: {pin.found}", key=key)
        return
    wanted = f'a commit that holds it, or "sha256" beside "file_name" in {info}; the audit record asks for a version'
    digest = _hash(source.path, min(subject.hash_bytes_max or _SUGGESTED_BYTES_MAX, _SUGGESTED_BYTES_MAX))
    if digest is not None:
        fix += f'\n"{name}": {{..., "sha256": "{digest}"}}   # or this in {info}'
    yield subject.say("dataset.versioned", pin.severity, f"{name}: {pin.found}", wanted, fix, key)


def _hub(subject: Subject, key: str, info: str, source: DatasetSource) -> Finding:
    entry = _entry(info, source.name)
    found = f"{source.name} comes from {source.source} as it is at that time"
    if "revision" in entry:
        found += "; LLaMA-Factory does not read the revision in dataset_info.json"
    folder, where = shlex.quote(f"data/{source.name}"), shlex.quote(source.source or source.name)
    fix = f"huggingface-cli download --repo-type dataset --revision COMMIT --local-dir {folder} {where}"
    if _HUB.fullmatch(source.source or "") is None:
        fix = f"# copy {source.source} into {folder}"
    fix += f'\n"{source.name}": {{"file_name": "{source.name}/FILE"}}   # in dataset_info.json'
    return subject.say("dataset.hub", "warn", found, "a copy here, of one commit: its files can be hashed", fix, key)


def _compare(subject: Subject, key: str, source: DatasetSource, told: str) -> Finding:
    path = source.path or ""
    digest = _hash(path, subject.hash_bytes_max)
    if digest is None:
        return subject.say(
            "dataset.unchanged", "info", f"{source.name} was not compared: it is large, or cannot be read", key=key
        )
    if digest == told:
        return subject.say("dataset.unchanged", "ok", f"{source.name} is sha256:{digest[:12]}...", key=key)
    found = f"{path} is sha256:{digest}, dataset_info.json says {told}"
    fix = f'"sha256": "{digest}"   # where the change is meant'
    return subject.say("dataset.unchanged", "error", found, "the data that were versioned", fix, key)


def _pin(path: str) -> _Pin:
    git = find_in_git(path)
    if git is not None and git.commit is not None and git.tracked:
        if git.dirty:
            return _Pin("warn", f"{path} differs from the commit")
        return _Pin("ok", f"commit {git.commit[:12]} holds {path}")
    # DVC keeps the digest in a small file beside, and that one in git.
    beside = find_in_git(path + ".dvc") if os.path.isfile(path + ".dvc") else None
    if beside is not None and beside.tracked and not beside.dirty:
        return _Pin("ok", f"{path}.dvc is committed")
    return _Pin("error", f"no version pins {path}")


def _hash(path: str, bytes_max: Optional[int]) -> Optional[str]:
    """64 hex digits of a file or of a folder's manifest; None where it is too large or cannot be read."""
    try:
        size = sum(os.path.getsize(one) for one in _files(path))
        if bytes_max is not None and size > bytes_max:
            return None
        return hash_path(path).digest.partition(":")[2]
    except (OSError, ValueError):
        return None


def _files(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]


def _entry(info: str, name: str) -> dict[str, Any]:
    try:
        with open(info, encoding="utf-8") as file:
            entry = json.load(file).get(name)
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def check_model(subject: Subject) -> Iterator[Finding]:
    key = "model_name_or_path"
    name = subject.text(key)
    if name is None or "${" in name:
        return
    if os.path.isdir(name):
        yield subject.say("model.found", "ok", f"{name} is a folder", key=key)
        yield subject.say("model.revision", "ok", "a folder: its files are hashed when the run starts", key=key)
        yield _source_of_folder(subject, name)
        return
    if _HUB.fullmatch(name) is None:
        yield subject.say(
            "model.found",
            "error",
            f"there is no folder {name}",
            "a folder, or a hub's name",
            f"ls -d {shlex.quote(name)}",
            key,
        )
        return
    yield subject.say("model.found", "ok", f"{name} is a hub's name", key=key)
    yield subject.say("model.source", "ok", name, key=key)
    revision = str(subject.value("model_revision", "main"))
    if _COMMIT.fullmatch(revision) is not None:
        yield subject.say("model.revision", "ok", f"{name} at {revision[:12]}", key="model_revision")
        return
    found = f"{name} is taken from {revision}, which moves"
    fix = (
        f"model_revision: COMMIT   # 40 hex digits: git ls-remote https://huggingface.co/{name} {shlex.quote(revision)}"
    )
    yield subject.say("model.revision", "warn", found, "the commit's 40 hex digits", fix, "model_revision")


def _source_of_folder(subject: Subject, folder: str) -> Finding:
    """A folder does not say whose model lies in it, which the audit record wants. Only `runseal run` is told by `--facts`."""
    key = "model_name_or_path"
    cached = find_in_hub_cache(folder)
    source = (subject.stated.get("base_model") or {}).get("source") or (cached and cached.name)
    if source:
        return subject.say("model.source", "ok", str(source), key=key)
    severity = "warn" if subject.is_wrapped else "info"
    found = f"{folder} does not tell where the base model comes from, and without it the gate G6 blocks"
    fix = "echo 'base_model.source: ORGANISATION/MODEL' >> facts.yaml   # and: runseal run --facts facts.yaml -- ..."
    return subject.say("model.source", severity, found, "its source, stated", fix, key)
