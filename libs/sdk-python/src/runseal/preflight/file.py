"""The file itself: its name, its commit, its variables, its keys."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple, Optional

from .subject import STRATEGIES, Finding, Subject

STAGES = ("pt", "sft", "rm", "ppo", "dpo", "kto")
FINETUNING_TYPES = ("lora", "oft", "freeze", "full")
#: With what happens without them: None where the training does not start, or does nothing.
_REQUIRED: dict[str, tuple[Optional[str], str]] = {
    "model_name_or_path": (None, "model_name_or_path: /path/or/hub/name"),
    "stage": ("sft", "stage: sft"),
    "do_train": (None, "do_train: true"),
    "finetuning_type": ("lora", "finetuning_type: lora"),
    "dataset": (None, "dataset: name_in_dataset_info"),
    "template": ("the tokenizer's own, or none", "template: default"),
    "output_dir": ("trainer_output", "output_dir: saves/my-run"),
}
#: Keys that the trainer takes for paths and names.
_TEXTS = ("model_name_or_path", "dataset_dir", "template", "output_dir")
_NUMBERS = ("logging_steps", "eval_steps", "save_steps", "seed", "data_seed", "save_total_limit", "val_size")
#: Switches that make LLaMA-Factory take other keys than the table has.
_OTHER_KEYS = ("ALLOW_EXTRA_ARGS", "USE_MCA", "USE_V1")


class KnownKeys(NamedTuple):
    llamafactory: str
    transformers: str
    older_transformers: str
    keys: frozenset[str]
    keys_of_older_only: frozenset[str]


@lru_cache(maxsize=1)
def known_keys() -> KnownKeys:
    """The keys that the trainer of these versions knows, as trainers/list_known_keys.py lists them."""
    with open(os.path.join(os.path.dirname(__file__), "known_keys.json"), encoding="utf-8") as file:
        table = json.load(file)
    versions = (table["llamafactory"], table["transformers"], table["older_transformers"])
    return KnownKeys(*versions, frozenset(table["keys"]), frozenset(table["keys_of_older_only"]))


def check_name(subject: Subject) -> Iterator[Finding]:
    name = os.path.basename(subject.config.path)
    if name.endswith((".yaml", ".yml")):
        yield subject.say("config.file-name", "ok", name)
        return
    stem = os.path.splitext(subject.config.path)[0]
    fix = f"mv {shlex.quote(subject.config.path)} {shlex.quote(stem + '.yaml')}"
    found = f"{name} is JSON, which LLaMA-Factory {known_keys().llamafactory} says it takes and fails to open"
    if not name.endswith(".json"):
        found = f"{name} is taken for an option, because of its name"
    # JSON is YAML, too.
    yield subject.say("config.file-name", "error", found, "a name that ends in .yaml or .yml", fix)


def check_git(subject: Subject) -> Iterator[Finding]:
    path, git = subject.config.path, subject.config.git
    place, name = shlex.quote(os.path.dirname(path) or "."), shlex.quote(os.path.basename(path))
    commit = f"git -C {place} add {name} && git -C {place} commit -m 'Configure the run' -- {name}"
    if git is None:
        wanted = "a commit that holds the file; the audit record asks for it"
        yield subject.say(
            "config.in-git",
            "error",
            "no git repository holds it, or git is not here",
            wanted,
            f"git -C {place} init && {commit}",
        )
        return
    if git.commit is None or not git.tracked:
        found = "git does not track the file" if git.commit else "nothing is committed in its repository yet"
        yield subject.say(
            "config.in-git", "error", found, "a commit that holds the file; the audit record asks for it", commit
        )
        return
    yield subject.say("config.in-git", "ok", f"commit {git.commit[:12]}")
    if git.dirty:
        yield subject.say(
            "config.clean", "warn", "the file differs from the commit", "what trains is what is committed", commit
        )
    else:
        yield subject.say("config.clean", "ok", "as committed")
    if git.tree_dirty and not git.dirty:
        fix = f"git -C {shlex.quote(git.root)} commit -a"
        yield subject.say(
            "config.tree-clean", "warn", "other files of the repository differ from the commit", "none does", fix
        )
    elif not git.tree_dirty:
        yield subject.say("config.tree-clean", "ok", "as committed")


def check_variables(subject: Subject) -> Iterator[Finding]:
    unset = subject.config.unset
    for name in unset:
        keys = [key for key, text in subject.config.literal if f"${{{name}}}" in text]
        found = f"${{{name}}} in {', '.join(keys)} is not set: the trainer would get it literally"
        yield subject.say(
            "config.variables", "error", found, f"a value for {name}", f"export {name}=...", _first(keys[0])
        )
    for key, text in subject.config.literal:
        left = text
        for name in unset:
            left = left.replace(f"${{{name}}}", "")
        if "${" in left:
            found = f"{key} holds {text!r}, which stays as it is"
            yield subject.say("config.variables", "error", found, "${NAME} or ${NAME:-default}", "", _first(key))
    if not subject.config.literal:
        yield subject.say("config.variables", "ok", "none is left open")


def check_keys(subject: Subject) -> Iterator[Finding]:
    table = known_keys()
    unknown = [key for key in subject.config.values if key not in table.keys]
    older = [key for key in unknown if key in table.keys_of_older_only]
    wrong = [key for key in unknown if key not in table.keys_of_older_only]
    severity, why = _strictness(subject)
    for key in wrong:
        nearest = _nearest(key, table.keys)
        found = f"LLaMA-Factory {table.llamafactory} does not know the key {key}{why}"
        wanted = f"perhaps {nearest}" if nearest else "no such key"
        if key.startswith("-"):
            wanted = "behind a YAML the command line takes key=value"
        line = f"{nearest}: {_value(subject, key)}" if nearest else f"# {key}: ..."
        yield subject.say("keys.known", severity, found, wanted, line, key)
    for key in older:
        found = f"transformers {table.older_transformers} knows the key {key}, {table.transformers} does not"
        yield subject.say("keys.older", "warn", found, "a key that both know, or none", f"# {key}: ...", key)
    if not wrong:
        yield subject.say("keys.known", "ok", f"{len(subject.config.values)} keys")
    if not older:
        yield subject.say("keys.older", "ok", "none of an older transformers")


def check_required(subject: Subject) -> Iterator[Finding]:
    missing = [key for key in _REQUIRED if subject.value(key) in (None, "", [])]
    if "do_train" not in missing and not subject.is_on("do_train"):
        found = "do_train is false: nothing would be trained"
        yield subject.say("keys.required", "error", found, "do_train: true", "do_train: true", "do_train")
    elif not missing:
        yield subject.say("keys.required", "ok", "all are there")
    for key in missing:
        instead, fix = _REQUIRED[key]
        found = f"{key} is missing" + (f": the trainer takes {instead}" if instead else "")
        found += ": nothing would be trained" if key == "do_train" else ""
        yield subject.say("keys.required", "warn" if instead else "error", found, "it is told", fix, key)


def check_values(subject: Subject) -> Iterator[Finding]:
    choices: dict[str, tuple[str, ...]] = {"stage": STAGES, "finetuning_type": FINETUNING_TYPES}
    choices.update({f"{kind}_strategy": names for kind, names in STRATEGIES.items()})
    is_well = True
    for key, names in choices.items():
        value = subject.config.values.get(key)
        if value is None or (isinstance(value, str) and value in names) or _is_open(value):
            continue
        is_well = False
        # YAML reads the bare word as a switch.
        fix = (
            f'{key}: "no"' if value is False and "no" in names else f"{key}: {names[-1] if value is None else names[1]}"
        )
        found = f"{subject.shown(key)}" + (' (a bare "no" is false in YAML)' if value is False else "")
        yield subject.say("keys.value", "error", found, f"one of {', '.join(names)}", fix, key)
    for key in _NUMBERS:
        value = subject.config.values.get(key)
        if value is not None and subject.number(key) is None and not _is_open(value):
            is_well = False
            yield subject.say(
                "keys.value", "error", f"{key} is no number: {subject.shown(key)}", "a number", f"{key}: 100", key
            )
    for key in _TEXTS:
        if isinstance(subject.config.values.get(key), bool):
            is_well = False
            found = f"{subject.shown(key)} (a bare on, off, yes or no is a switch in YAML)"
            yield subject.say("keys.value", "error", found, "a text", f'{key}: "..."', key)
    if is_well:
        yield subject.say("keys.value", "ok", "numbers and choices are what the trainer takes")


def _strictness(subject: Subject) -> tuple[str, str]:
    """An unknown key stops the trainer, unless it is another one than the table is of, or was told not to mind."""
    switch = next((name for name in _OTHER_KEYS if subject.is_enabled(name)), None)
    if switch is not None:
        return "warn", f" ({switch} lets it pass)"
    here = _installed()
    if here is not None and here != known_keys().llamafactory:
        return "warn", f"; {here}, which is installed here, may"
    return "error", ""


@lru_cache(maxsize=1)
def _installed() -> Optional[str]:
    from importlib import metadata

    try:
        return metadata.version("llamafactory")
    except metadata.PackageNotFoundError:
        return None


def _nearest(key: str, known: frozenset[str]) -> Optional[str]:
    import difflib

    found = difflib.get_close_matches(key.strip("-").replace("-", "_").lower(), sorted(known), 1, 0.75)
    return found[0] if found else None


def _value(subject: Subject, key: str) -> str:
    shown = subject.shown(key)
    return shown.partition(": ")[2]


def _first(place: str) -> str:
    return place.partition(".")[0].partition("[")[0]


def _is_open(value: Any) -> bool:
    """A variable without a value; that is said elsewhere."""
    return isinstance(value, str) and "${" in value
