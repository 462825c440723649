"""Rows of metrics on their way into one event."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple, Optional, Union

from ..clock import time_text
from ..say import words_of
from .event import is_time
from .payloads import encode_number

POINTS_MAX = 200
#: The schema's limits.
_ROWS_MAX = 1000
_VALUES_MAX = 1000
_KEY = re.compile(r"(?!__proto__\Z)[^\x00-\x1f\x7f]{1,250}\Z")


class Row(NamedTuple):
    """A row as it was logged: values copied, the rest untouched, so that logging costs next to nothing."""

    kind: str
    step: Union[int, float, None]
    epoch: Union[int, float, None]
    #: RFC 3339, seconds since 1970, or None where the source tells no time.
    at: Union[str, float, None]
    values: dict[str, Any]


class MetricsBuffer:
    """Gathers rows and numbers them: `n` counts from 0 within (kind, step) of this attempt."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._points = 0
        # One entry a step logged, for the life of the run, since a step may come back at any time.
        self._counts: dict[tuple[str, Optional[float]], int] = {}

    @property
    def is_full(self) -> bool:
        return self._points >= POINTS_MAX or len(self._rows) >= _ROWS_MAX

    def __len__(self) -> int:
        return len(self._rows)

    def push(self, row: Row) -> Optional[str]:
        """Says what is wrong, or None. A value that is no number is left out; a row without any, or without a step, as a whole."""
        kind, step, epoch, at, values = row
        wrong = _find_wrong_place(kind, step, epoch)
        if wrong is not None:
            return wrong
        time_of_row = time_text(at) if isinstance(at, float) else at
        if isinstance(at, str) and not is_time(at):
            return f"at must be an RFC 3339 time with a zone, found {words_of(at)}"
        copy: dict[str, Any] = {}
        for key, value in values.items():
            number = encode_number(value)
            if number is None:
                wrong = f"{words_of(key)} is no number"
            elif type(key) is not str or _KEY.match(key) is None:
                wrong = f"{words_of(key)} is no name for a metric"
            else:
                copy[key] = number
        if not 1 <= len(copy) <= _VALUES_MAX:
            return wrong or f"a row has 1 to {_VALUES_MAX} values, found {len(copy)}"
        count = self._counts.get((kind, step), 0)
        self._counts[kind, step] = count + 1
        self._rows.append(
            {"kind": kind, "step": step, "n": count, "at": time_of_row, "epoch": epoch, "values": copy},
        )
        self._points += len(copy)
        return wrong

    def take(self) -> list[dict[str, Any]]:
        rows, self._rows, self._points = self._rows, [], 0
        return rows


def _find_wrong_place(kind: str, step: object, epoch: object) -> Optional[str]:
    if kind not in ("train", "eval", "summary"):
        return f"kind must be train, eval or summary, found {words_of(kind)}"
    if not (kind == "summary" if step is None else _is_number(step)):
        return f"step must be a number, found {words_of(step)}"
    if epoch is not None and not _is_number(epoch):
        return f"epoch must be a number, found {words_of(epoch)}"
    return None


def _is_number(value: object) -> bool:
    if type(value) is int:
        return abs(value) < 2**53
    return type(value) is float and math.isfinite(value)
