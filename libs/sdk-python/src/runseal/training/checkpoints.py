"""Finds out by looking which checkpoints a trainer has saved and deleted: it deletes them without telling."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

_NAME = re.compile(r"checkpoint-(\d{1,15})\Z")


class Seen(NamedTuple):
    """What is different since the last look, by step, ascending."""

    saved: list[int]
    deleted: list[int]


class CheckpointWatch:
    """Looks at the folders `checkpoint-<step>` of an output folder; those that lay there at the start are not the run's,
    unless it is told so."""

    def __init__(self, folder: str, own: frozenset[int] = frozenset()) -> None:
        """`own`: steps of checkpoints that earlier attempts of the run saved."""
        self._folder = folder
        self._present = frozenset(list_checkpoints(folder)) - own
        self._foreign = self._present
        self._present = self._foreign | own

    def path(self, step: int) -> str:
        return os.path.join(self._folder, f"checkpoint-{step}")

    def look(self) -> Seen:
        now = frozenset(list_checkpoints(self._folder))
        saved, deleted = now - self._present, self._present - now - self._foreign
        self._present, self._foreign = now, self._foreign & now
        return Seen(sorted(saved), sorted(deleted))

    def saved_again(self, step: int) -> None:
        """The trainer has just saved it: whatever lay there before is gone, and this one is the run's."""
        self._foreign -= {step}
        self._present |= {step}


def list_checkpoints(folder: str) -> list[int]:
    """Steps of the checkpoints in a folder, ascending; none where the folder is not there."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = (_NAME.match(name) for name in names)
    return sorted(int(one[1]) for one in found if one and os.path.isdir(os.path.join(folder, one[0])))


def step_of(path: str) -> int:
    """The step in a checkpoint's path; -1 where there is none."""
    found = _NAME.match(os.path.basename(path.rstrip("/\\")))
    return int(found[1]) if found else -1
