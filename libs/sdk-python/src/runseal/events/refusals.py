"""What was not accepted, until it has been declared."""

from __future__ import annotations

import threading

from ..clock import now_text
from .payloads import Json


class Refusals:
    """Counts by retention class. Any thread counts."""

    def __init__(self) -> None:
        self._by_class: dict[str, Json] = {}
        self._lock = threading.Lock()

    def count(self, retention: str, weight: int) -> None:
        now = now_text()
        # With a limit, because a signal handler may interrupt its own thread in here: then one count may be lost.
        is_locked = self._lock.acquire(timeout=0.05)
        one = self._by_class.setdefault(retention, {"class": retention, "count": 0, "first_at": now})
        one["count"] += weight
        one["last_at"] = now
        if is_locked:
            self._lock.release()

    def has(self, retention: str) -> bool:
        return retention in self._by_class

    def take(self) -> list[Json]:
        """All that has been counted, which is then forgotten; whoever cannot declare it gives it back."""
        with self._lock:
            taken, self._by_class = self._by_class, {}
        return list(taken.values())

    def give_back(self, taken: list[Json]) -> None:
        for one in taken:
            self.count(one["class"], one["count"])
            self._by_class[one["class"]]["first_at"] = one["first_at"]
