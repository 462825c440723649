"""Deletes what was acknowledged: after 7 days, or when the space is needed."""

from __future__ import annotations

import time

from ..say import Teller
from .layout import sweep_done
from .outbox import Outbox

_EVERY_S = 3600.0


class Housekeeping:
    """Of one producer's folder and of the done ones beside it. Not thread-safe: its owner holds a lock."""

    def __init__(self, spool_dir: str, outbox: Outbox, teller: Teller) -> None:
        self._spool_dir = spool_dir
        self._outbox = outbox
        self._teller = teller
        self._next = time.monotonic() + _EVERY_S

    def delete_expired(self) -> int:
        """Bytes freed; looks once an hour at most. Raises OSError."""
        if time.monotonic() < self._next:
            return 0
        self._next = time.monotonic() + _EVERY_S
        return self._outbox.delete_settled()

    def free_acknowledged(self) -> int:
        """Bytes freed, however young what is deleted is. Never raises."""
        try:
            return self._outbox.delete_settled(0) + sweep_done(self._spool_dir, 0)
        except OSError as error:
            self._teller.once("free", f"acknowledged segments cannot be deleted: {error}")
            return 0
