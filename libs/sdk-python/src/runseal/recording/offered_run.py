"""A run that was started before the training, for the callback that records the training to go on with."""

from __future__ import annotations

import os
from typing import Optional, Protocol

from .run import Run


class Offer(Protocol):
    @property
    def run(self) -> Run: ...

    @property
    def told(self) -> frozenset[str]:
        """Kinds of inputs that somebody has told already."""

    def taken(self) -> None:
        """The training ends the run from now on."""


_offers: list[tuple[int, Offer]] = []


def offer(one: Offer) -> None:
    _offers.append((os.getpid(), one))


def withdraw(one: Offer) -> None:
    _offers[:] = [entry for entry in _offers if entry[1] is not one]


def take_offer() -> Optional[Offer]:
    """The newest run on offer in this process, once; None where there is none."""
    while _offers:
        pid, one = _offers.pop()
        # A forked child's copy is its parent's run.
        if pid == os.getpid():
            one.taken()
            return one
    return None
