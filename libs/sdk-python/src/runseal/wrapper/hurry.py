"""Signals while the end of a run is recorded."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import Any, Optional


class Hurry:
    """While the end is recorded: the first signal that asks for an end stops the wait for digests, the next one every wait."""

    def __init__(self, is_hurried: threading.Event) -> None:
        self._is_hurried = is_hurried
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ValueError):
                self._before[number] = signal.signal(number, self._hurry)

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: object) -> bool:
        for number, handler in self._before.items():
            with suppress(ValueError, TypeError):
                signal.signal(number, handler)
        return kind is KeyboardInterrupt

    def _hurry(self, number: int, frame: object) -> None:
        if self._is_hurried.is_set():
            raise KeyboardInterrupt
        self._is_hurried.set()
