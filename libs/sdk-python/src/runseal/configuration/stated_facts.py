"""What neither the files nor the trainer can tell, as a person states it in a file (`--facts`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..events.payloads import Json
from .yaml_values import ConfigRefused, parse_json, parse_yaml

#: The names that the importer of the program that comes with the server has for the same.
_MEMBERS = {
    "base_model": ("source", "revision", "license"),
    "dataset": ("version", "source", "license"),
    "eval_dataset": ("version", "source", "license"),
}
_MAPS = ("tags",)
FACT_NAMES = [f"{name}.{member}" for name, members in _MEMBERS.items() for member in members] + ["tags", "tasks"]


def read_facts(path: str) -> Json:
    """By subject; nested or with dotted names. Raises ConfigRefused, a ValueError that lists what it does not know, or OSError."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    told = (parse_json(text) if path.endswith(".json") else parse_yaml(text)).mapping
    facts: Json = {}
    faults: list[str] = []
    for name, value in _flatten(told):
        subject, _, member = name.partition(".")
        is_member = member in _MEMBERS.get(subject, ()) or (member != "" and subject in _MAPS)
        if is_member and isinstance(value, (str, int, float)):
            facts.setdefault(subject, {})[member] = str(value)
        elif name == "tasks" and isinstance(value, list) and all(isinstance(one, str) for one in value):
            facts["tasks"] = value
        else:
            faults.append(name)
    if faults:
        raise ConfigRefused(f"{path}: found {', '.join(sorted(faults))}, wanted {', '.join(FACT_NAMES)}")
    return facts


def _flatten(told: Json) -> Iterator[tuple[str, Any]]:
    for name, value in told.items():
        if isinstance(value, dict):
            for member, inner in value.items():
                yield f"{name}.{member}", inner
        else:
            yield str(name), value
