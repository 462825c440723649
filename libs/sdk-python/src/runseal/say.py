"""Lines for a person."""

from __future__ import annotations

import os
import sys
from typing import Callable

#: Takes one line for a person; never the API key.
Say = Callable[[str], object]


def say_on_stderr(line: str) -> None:
    """The default: a line on stderr, where it does not mix with what the trainer prints."""
    text = f"runseal: {line}\n"
    if sys.stderr not in (None, sys.__stderr__):
        # Somebody's own: a notebook's, a test's.
        print(text, end="", file=sys.stderr, flush=True)
        return
    # Past Python's buffer: a daemon thread that the interpreter's exit stops inside it would keep its lock, and the exit
    # would end in an abort.
    os.write(2, text.encode(errors="replace"))


def words_of(value: object) -> str:
    """A value as a line shows it, in whatever state it is."""
    try:
        return repr(value)[:500]
    except Exception:
        return type(value).__name__


class Teller:
    """Says each kind of trouble once until it has passed: a server that is away for a night costs one line, not a thousand."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._told: set[str] = set()
        self._is_mute = False

    def once(self, kind: str, line: str) -> None:
        if kind in self._told or self._is_mute:
            return
        self._told.add(kind)
        try:
            self._say(line)
        except Exception:
            # Nobody is left to tell (stderr is closed): the line is lost and nothing else.
            return

    def mute(self) -> None:
        """Nothing is said any more: the interpreter exits, and what threads do then may take it down."""
        self._is_mute = True

    def passed(self, kind: str) -> None:
        """The trouble is over; when it comes back it is said again."""
        self._told.discard(kind)
