"""Ends what is still open when the interpreter exits: well where the training was done, as failed where an exception or an
early exit broke it off."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from functools import cache
from types import TracebackType
from typing import Any, Optional, Protocol


class Endable(Protocol):
    def end(self, error: Optional[BaseException] = None) -> None:
        """Ends it once; later calls do nothing. Must not raise."""


_open: list[tuple[int, Endable]] = []
_ending: list[threading.Thread] = []
#: What no one caught: one at most.
_errors: list[BaseException] = []


def remember(one: Endable) -> None:
    """Ends it at the exit of this process, unless it has been forgotten by then."""
    _open.append((os.getpid(), one))
    _install()


def forget(one: Endable) -> None:
    _open[:] = [entry for entry in _open if entry[1] is not one]


def end_aside(one: Endable) -> None:
    """Ends it on a thread of its own, which the exit waits for; here where there is none to be had."""
    thread = threading.Thread(target=one.end, name="runseal-ending", daemon=True)
    try:
        thread.start()
        _ending.append(thread)
    except RuntimeError:
        one.end()


@cache
def _install() -> None:
    _watch_exceptions()
    # Later than the recorder's, so it runs before that.
    atexit.register(_at_exit)


def _at_exit() -> None:
    for pid, one in list(_open):
        # A forked child exits too, and what is open is its parent's.
        if pid == os.getpid():
            one.end(_errors[0] if _errors else None)
    for thread in _ending:
        thread.join()


def _watch_exceptions() -> None:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> Any:
        _errors[:] = [error]
        return before(kind, error, trace)

    sys.excepthook = hook
