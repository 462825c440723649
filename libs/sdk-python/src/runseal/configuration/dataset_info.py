"""Which files LLaMA-Factory's `dataset_info.json` names for a dataset."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional, Union

_CONFIG = "dataset_info.json"
#: Keys whose dataset lies elsewhere; they win over `file_name`, as in LLaMA-Factory, in this order.
_ELSEWHERE = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name")


class DatasetSource(NamedTuple):
    name: str
    #: The file or folder on this machine; None where there is none.
    path: Optional[str]
    #: Files that the loader reads, by name; empty where `path` is None.
    files: list[str]
    #: A hub's name or an address, where the dataset comes from elsewhere.
    source: Optional[str]
    #: LLaMA-Factory's `formatting`: alpaca unless told.
    schema: Optional[str]
    #: Why the trainer will not find the dataset, in words; None where nothing is wrong.
    fault: Optional[str]


def read_dataset_info(dataset_dir: str, names: Union[str, Sequence[str]]) -> list[DatasetSource]:
    """Where each of the named datasets lies; `names` may be one text with commas, as in the YAML. Never raises.

    `ONLINE` as the folder means that the names are a hub's.
    """
    wanted = names.split(",") if isinstance(names, str) else list(names)
    wanted = [name.strip() for name in wanted if name.strip()]
    if dataset_dir == "ONLINE" or dataset_dir.startswith("REMOTE:"):
        return [_elsewhere(name, name if dataset_dir == "ONLINE" else f"{dataset_dir}/{name}", None) for name in wanted]
    path = os.path.join(dataset_dir, _CONFIG)
    try:
        with open(path, encoding="utf-8") as file:
            info = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        return [_missing(name, f"{path} cannot be read: {error}") for name in wanted]
    if not isinstance(info, dict):
        return [_missing(name, f"{path} is no object of datasets") for name in wanted]
    return [_find(dataset_dir, path, name, info.get(name)) for name in wanted]


def _find(dataset_dir: str, config: str, name: str, entry: Any) -> DatasetSource:
    if not isinstance(entry, Mapping):
        return _missing(name, f"{config} has no dataset {name}")
    formatting = entry.get("formatting")
    schema = formatting if isinstance(formatting, str) and formatting else "alpaca"
    for key in _ELSEWHERE:
        if isinstance(entry.get(key), str):
            return _elsewhere(name, entry[key], schema)
    file_name = entry.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        return _missing(name, f"{config} names no file for the dataset {name}")
    path = os.path.join(dataset_dir, file_name)
    try:
        # Of a folder the loader takes all that lies directly in it.
        files = [os.path.join(path, one) for one in sorted(os.listdir(path))] if os.path.isdir(path) else [path]
    except OSError as error:
        return _missing(name, f"{path} cannot be read: {error}")
    if not os.path.exists(path):
        return _missing(name, f"{path}, the file of the dataset {name}, does not exist")
    return DatasetSource(name, path, files, None, schema, None)


def _elsewhere(name: str, source: str, schema: Optional[str]) -> DatasetSource:
    return DatasetSource(name, None, [], source, schema, None)


def _missing(name: str, fault: str) -> DatasetSource:
    return DatasetSource(name, None, [], None, None, fault)
