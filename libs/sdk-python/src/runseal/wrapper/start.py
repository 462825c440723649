"""The start of a recorded command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Callable, NamedTuple, Optional

from ..config import Config
from ..configuration.launch import Launch
from ..events.payloads import Json
from ..receipt import Receipt
from ..recording.run import Run
from ..recording.start import start_run
from ..training.earlier_run import Resumed

#: Start and attempt are the first two.
_FIRST_MAX = 10


class Wish(NamedTuple):
    """What the user asked for."""

    experiment: Optional[str]
    model: Optional[str]
    name: Optional[str]
    tasks: Sequence[str]
    run: Optional[str]
    output_dir: Optional[str]
    #: What a person states of the inputs, as `read_facts` gives it.
    facts: Json
    #: Whether the server may have the training stopped.
    obeys_stop: bool
    #: What preflight found, by its names; None where it did not look.
    preflight: Optional[Sequence[str]] = None


class Receipts:
    """The newest receipt, and word of a certain one. `take` is called on the courier's thread."""

    def __init__(self) -> None:
        self.newest: list[Receipt] = []
        self._first: set[str] = set()
        self._wanted: Optional[str] = None
        self._then: Callable[[], object] = lambda: None

    def take(self, some: list[Receipt]) -> None:
        self.newest = some[-1:]
        if len(self._first) < _FIRST_MAX:
            self._first.update(one["id"] for one in some)
            self._look()

    def when(self, event: str, then: Callable[[], object]) -> None:
        """Calls `then` when the receipt of one of the first events has come; perhaps twice."""
        self._then, self._wanted = then, event
        self._look()

    def _look(self) -> None:
        if self._wanted in self._first:
            self._then()


def start_wrapped_run(
    launch: Launch, wish: Wish, config: Config, resumed: Optional[Resumed], receipts: Receipts, output_dir: Any
) -> Run:
    options: Any = {
        "url": config.url,
        "api_key": config.api_key,
        "ca_file": config.ca_file,
        "drain_s": config.drain_s,
        "spool_limit_bytes": config.spool_limit_bytes,
        "name": wish.name or launch.values.get("run_name"),
        "target_model": wish.model,
        "tasks": list(wish.tasks) or wish.facts.get("tasks"),
        "tags": wish.facts.get("tags"),
        "objective": launch.objective,
        "trainer": {"name": "llama_factory", "version": _version("llamafactory")} if launch.is_llama_factory else None,
        "output_dir": output_dir,
        "on_receipts": receipts.take,
        # Of several machines the first one records, and whoever calls has seen to that.
        "rank": 0,
    }
    if resumed is not None:
        options["run_id"] = resumed.run
        options["resumes"] = {"attempt": resumed.attempt, "step": resumed.step}
    if not isinstance(options["name"], str):
        options["name"] = None
    return start_run(_experiment(launch, wish, output_dir), **options)


def _experiment(launch: Launch, wish: Wish, output_dir: Optional[str]) -> str:
    """As told; else the model's name, the output folder's, the configuration's, the command's."""
    place = output_dir or launch.config_path or launch.command[0]
    told = wish.experiment or wish.model or os.path.splitext(os.path.basename(os.path.abspath(place)))[0]
    return told[:250] or "training"


def _version(package: str) -> Optional[str]:
    from importlib import metadata

    with suppress(Exception):
        return metadata.version(package)
    return None
