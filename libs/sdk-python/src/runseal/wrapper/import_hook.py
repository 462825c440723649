"""Makes transformers report to Runseal in a process whose code does not know of it.

Loaded by `hook/sitecustomize.py` by its path, apart from the package: it must not import anything of ours at the top.
"""

from __future__ import annotations

import sys
from functools import wraps
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from types import ModuleType
from typing import Any, Optional

_WANTED = "transformers.integrations.integration_utils"


def install(package: str) -> None:
    """`package`: the folder of this package; it is used where the process has none of its own."""
    if not any(isinstance(one, Waiting) for one in sys.meta_path):
        sys.meta_path.insert(0, Waiting())
        sys.meta_path.append(Spare(package))


class Waiting:
    """Finds nothing itself: it waits for one module of transformers, and adds to it once that has been loaded."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if name != _WANTED:
            return None
        sys.meta_path[:] = [one for one in sys.meta_path if one is not self]
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            _add_after_load(spec.loader)
        return spec


class Spare:
    """The last to be asked: gives this package to a process that does not have it installed."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if name != "runseal":
            return None
        place = f"{self._package}/__init__.py"
        return spec_from_file_location(name, place, submodule_search_locations=[self._package])


def report_to_runseal(module: ModuleType) -> None:
    """Adds our callback to those that every Trainer gets, whatever its `report_to` says."""
    from runseal.transformers import AddedCallback, register

    register()
    before = module.get_reporting_integration_callbacks

    @wraps(before)
    def with_ours(report_to: Any) -> Any:
        found = list(before(report_to))
        return found if AddedCallback in found else [*found, AddedCallback]

    vars(module)["get_reporting_integration_callbacks"] = with_ours


def _add_after_load(loader: Any) -> None:
    load = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        load(module)
        try:
            report_to_runseal(module)
        except Exception as error:
            line = f"runseal: the training is not recorded from inside: transformers has changed ({error!r})"
            print(line, file=sys.stderr)

    loader.exec_module = exec_module
