from __future__ import annotations

import time
from typing import Callable, TypeVar

Value = TypeVar("Value")


def wait_for(what: str, look: Callable[[], Value], limit_s: float = 20.0) -> Value:
    """The first value that is true; fails after the limit."""
    deadline = time.monotonic() + limit_s
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {limit_s} s for {what}"
        time.sleep(0.01)
