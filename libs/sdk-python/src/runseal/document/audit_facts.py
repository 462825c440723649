"""What the document's `log_input` and `log_output` are told, as the ledger has it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Optional

from ..surroundings.git_state import read_git
from ..surroundings.hub_cache import find_in_hub_cache

Json = dict[str, Any]

_INPUT_KINDS = {
    **dict.fromkeys(("base_model", "model"), "base_model"),
    **dict.fromkeys(("config", "train_config", "training_config"), "config"),
}
_SET = re.compile(r"(?:(train|training|eval|evaluation|val|validation|test)_?)?(?:data_?set|data)\Z")
_ROLES = {"train": "train", "training": "train", "test": "test", None: "train"}
_OUTPUT_ROLES = {
    **dict.fromkeys(("adapter", "lora_adapter", "model", "final_model", "merged_model", "weights"), "weights"),
    **dict.fromkeys(("training_args", "train_args"), "training_args"),
    "tokenizer": "tokenizer",
    **dict.fromkeys(("metrics", "report", "results", "eval_results", "train_results"), "report"),
}
#: Members of the ledger's events that metadata may state.
_STATED: dict[str, dict[str, type]] = {
    "base_model": {"source": str, "revision": str, "license": str},
    "dataset": {"name": str, "version": str, "source": str, "samples": int, "schema": str, "license": str},
    "config": {},
    "other": {"source": str},
}
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


class Told(NamedTuple):
    #: Of an input its kind, of an output its role.
    kind: str
    #: For `run.log_input` or `run.log_output`.
    facts: Json
    #: For the audit record, beside what the caller said.
    found: Json
    #: What the event has no member for.
    rest: Json
    #: Whether the path is to be read; else it is a name.
    is_path: bool


def read_input(name: str, path: str, metadata: Mapping[str, Any]) -> Told:
    """An input by the name that the caller gave it: base_model, dataset (train, eval and test ones too), config, or another."""
    data_set = _SET.match(name.lower())
    kind = "dataset" if data_set else _INPUT_KINDS.get(name.lower(), "other")
    stated = {
        key: metadata[key]
        for key, of in _STATED[kind].items()
        if isinstance(metadata.get(key), of) and not isinstance(metadata[key], bool) and metadata[key] != ""
    }
    facts: Json = {**stated, "asserted": [f"/payload/{key}" for key in stated]}
    found: Json = {}
    is_path = os.path.exists(path)
    if kind == "base_model":
        # Not a folder but a hub's name is what it comes from.
        is_path = is_path or os.path.isabs(path) or path.startswith(".") or path.count("/") > 1
        found = _base_model_facts(path, facts, is_path)
    elif data_set:
        facts.setdefault("name", os.path.splitext(os.path.basename(os.path.normpath(path)))[0][:250] or "train")
        facts["role"] = _ROLES.get(data_set[1], "eval")
    elif kind == "config":
        found = _config_facts(path, metadata, facts)
    else:
        facts["name"] = name[:250]
        facts["role"] = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:60] or "other"
    if is_path or kind != "base_model":
        facts["path"] = path
    known = {*stated, "git_commit", "dirty", "repository", "resolved_hash", "hash"}
    rest = {key: value for key, value in metadata.items() if key not in known}
    return Told(kind, facts, found, rest, is_path or kind != "base_model")


def read_output(name: str, path: str, metadata: Mapping[str, Any]) -> Told:
    """An output by the name that the caller gave it: adapter (or model), training_args, tokenizer, metrics, or another."""
    role = _OUTPUT_ROLES.get(name.lower(), "other")
    kind = metadata.get("type")
    facts: Json = {"path": path}
    if isinstance(kind, str) and kind:
        facts.update(type=kind[:250], asserted=["/payload/type"])
    rest = {key: value for key, value in metadata.items() if key not in ("type", "hash", "files")}
    return Told(role, facts, {}, rest, True)


def _base_model_facts(path: str, facts: Json, is_path: bool) -> Json:
    """`main` and its kind mean another commit tomorrow: the commit that lies on this machine takes their place."""
    if not is_path:
        facts.setdefault("source", path)
    in_cache = find_in_hub_cache(path)
    if in_cache:
        facts.setdefault("source", in_cache.name)
    revision = facts.get("revision")
    if isinstance(revision, str) and _COMMIT.match(revision):
        return {}
    commit = in_cache.commit if in_cache else _cached_commit(str(facts.get("source", path)), str(revision or "main"))
    if commit is None:
        return {}
    facts["revision"] = commit
    facts["asserted"] = [pointer for pointer in facts["asserted"] if pointer != "/payload/revision"]
    return {"revision": commit}


def _cached_commit(source: str, revision: str) -> Optional[str]:
    """The commit for which a hub's name and revision stand in the hub's own cache."""
    with suppress(Exception):
        from huggingface_hub.constants import HF_HUB_CACHE

        reference = os.path.join(HF_HUB_CACHE, f"models--{source.replace('/', '--')}", "refs", revision)
        with open(reference, encoding="ascii") as file:
            commit = file.read(41).strip()
        return commit if _COMMIT.match(commit) else None
    return None


def _config_facts(path: str, metadata: Mapping[str, Any], facts: Json) -> Json:
    """The commit that holds the file, as git says; as the caller says where there is no git."""
    state = read_git(path) if os.path.exists(path) else None
    commit, dirty, repository = (metadata.get(name) for name in ("git_commit", "dirty", "repository"))
    git = {
        "commit": commit if isinstance(commit, str) and commit else None,
        "dirty": dirty if isinstance(dirty, bool) else None,
        "repository": repository if isinstance(repository, str) and repository else None,
    }
    said = [name for name, value in git.items() if value is not None]
    if state is not None and state.commit is not None:
        found = {"commit": state.commit, "dirty": state.dirty, "repository": state.repository}
        # Another commit than the file's is the caller's word; a shortened one of the same is completed.
        if git["commit"] is None or state.commit.startswith(str(git["commit"])):
            git.update({name: value for name, value in found.items() if value is not None})
            said = []
    resolved = metadata.get("resolved_hash")
    if isinstance(resolved, str) and re.fullmatch(r"sha256:[0-9a-f]{64}", resolved):
        facts["resolved_digest"] = resolved
        facts["asserted"].append("/payload/resolved_digest")
    if any(value is not None for value in git.values()):
        facts["git"] = git
        facts["asserted"] += [f"/payload/git/{name}" for name in said]
    return {"git_commit": git["commit"], "dirty": git["dirty"], "repository": git["repository"]}
