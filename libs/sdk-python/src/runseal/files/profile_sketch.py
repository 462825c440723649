"""Hashes of rows: how many are duplicates, and a sample by which two datasets can be compared.

A row's hash is the first 8 bytes of the SHA-256 of its canonical JSON (RFC 8785), so equal rows have equal hashes whatever
file or folder they lie in. What JSON cannot say is put so that it can: non-finite numbers and integers that no double holds
as metrics are, lone surrogates as U+FFFD, bytes in hexadecimal, dates and decimals as their text.

The sketch holds the k smallest distinct hashes. Of two sketches A and B, let U be the k smallest of their union, k the
smaller of the two: the share of U that lies in both is an unbiased estimate of the Jaccard index of the two sets of rows
(Broder 1997; Beyer et al. 2007). Where neither set has more than k distinct rows the answer is exact.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
import re
from typing import Any, Optional

from ..canonical_json import canonical_json

SKETCH_SIZE = 1024
#: Distinct rows that are remembered, about 100 MB; with more the number of duplicates is unknown.
DISTINCT_MAX = 1_000_000
_INTEGER_MAX = 2**53 - 1
_SURROGATES = re.compile("[\ud800-\udfff]")
_dump = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


class RowHashes:
    """Takes rows one by one, in bounded memory."""

    def __init__(self, size: int = SKETCH_SIZE, distinct_max: int = DISTINCT_MAX) -> None:
        self._size = size
        self._distinct_max = distinct_max
        self._seen: Optional[set[int]] = set()
        self._duplicates = 0
        #: The smallest hashes, negative, so that the largest of them stands first.
        self._smallest: list[int] = []
        self._kept: set[int] = set()

    def add(self, row: Any) -> None:
        number = row_hash(row)
        self._count(number)
        if number in self._kept:
            return
        if len(self._smallest) < self._size:
            heapq.heappush(self._smallest, -number)
            self._kept.add(number)
        elif number < -self._smallest[0]:
            self._kept.add(number)
            self._kept.discard(-heapq.heapreplace(self._smallest, -number))

    @property
    def duplicates(self) -> Optional[int]:
        """Rows that are equal to an earlier one; None where there were too many rows to remember."""
        return None if self._seen is None else self._duplicates

    def sketch(self) -> dict[str, Any]:
        """As the event takes it."""
        hashes = [f"{number:016x}" for number in sorted(self._kept)]
        return {"method": "bottom-k-sha256", "k": self._size, "hashes": hashes}

    def _count(self, number: int) -> None:
        if self._seen is None:
            return
        if number in self._seen:
            self._duplicates += 1
        elif len(self._seen) < self._distinct_max:
            self._seen.add(number)
        else:
            self._seen = None


def row_hash(row: Any) -> int:
    """64 bits of a row."""
    return int.from_bytes(hashlib.sha256(_text_of(row)).digest()[:8], "big")


def _text_of(row: Any) -> bytes:
    # Where names are ASCII and numbers small integers, the encoder in C writes the same bytes, many times as fast.
    text = _dump(row) if _is_plain(row) else canonical_json(_sayable(row))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return canonical_json(_sayable(row)).encode()


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-_INTEGER_MAX <= value <= _INTEGER_MAX)
    if kind is dict:
        return all(type(name) is str and name.isascii() and _is_plain(member) for name, member in value.items())
    return kind is list and all(map(_is_plain, value))


def _sayable(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _INTEGER_MAX else _double_of(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _name_of(value)
    if isinstance(value, dict):
        return {_sayable(str(name)): _sayable(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sayable(one) for one in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def _double_of(value: int) -> Any:
    try:
        return float(value)
    except OverflowError:
        return "Infinity" if value > 0 else "-Infinity"


def _name_of(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
