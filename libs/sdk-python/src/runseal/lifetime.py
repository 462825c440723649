"""What ends a recorder without its knowledge: the interpreter's exit and a fork."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol


class Mortal(Protocol):
    def rescue(self) -> None:
        """The interpreter exits: writes what waits in memory to the spool. Must not raise."""

    def disown(self) -> None:
        """This is a forked child: the recording is the parent's. Must not raise and must take no lock."""


_open: weakref.WeakSet[Mortal] = weakref.WeakSet()


def remember(one: Mortal) -> None:
    _open.add(one)


def forget(one: Mortal) -> None:
    _open.discard(one)


def _at_exit() -> None:
    for one in list(_open):
        one.rescue()


def _after_fork() -> None:
    for one in list(_open):
        one.disown()
    _open.clear()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
