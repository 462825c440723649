"""How long the rows of a dataset are."""

from __future__ import annotations

import os
from bisect import bisect_right
from typing import Any, Callable, Optional

#: Lower edges; the last interval has no upper one. Fixed, so that histograms of any two datasets can be compared.
EDGES = (0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)
#: Rows that a tokenizer is given at once, and characters beyond which it is given what there is.
_BATCH_ROWS = 256
_BATCH_CHARACTERS = 1_000_000

#: Lengths of texts.
Measure = Callable[[list[str]], list[int]]


class LengthHistogram:
    """A row's length is that of all its texts, nested ones too, joined by line feeds; names of columns and templates aside.

    It is told in tokens, without special ones, where a tokenizer is given and can be loaded; else in characters.
    """

    def __init__(self, tokenizer: Optional[str] = None) -> None:
        """`tokenizer` is a tokenizer.json, or a folder with one."""
        self.note: Optional[str] = None
        self._tokenizer: Optional[str] = None
        self._measure: Measure = _count_characters
        if tokenizer is not None:
            self._load(tokenizer)
        self._texts: list[str] = []
        self._characters = 0
        self._counts = [0] * len(EDGES)
        self._rows = 0
        self._total = 0
        self._shortest: Optional[int] = None
        self._longest: Optional[int] = None

    def add(self, row: Any) -> None:
        text = "\n".join(_texts_of(row))
        self._texts.append(text)
        self._characters += len(text)
        if len(self._texts) >= _BATCH_ROWS or self._characters >= _BATCH_CHARACTERS:
            self._flush()

    def result(self) -> Optional[dict[str, Any]]:
        """As the event takes it; None without rows."""
        self._flush()
        if self._rows == 0:
            return None
        return {
            "tokenizer": self._tokenizer,
            "unit": "characters" if self._tokenizer is None else "tokens",
            "edges": list(EDGES),
            "counts": self._counts,
            "min": self._shortest,
            "max": self._longest,
            "mean": self._total / self._rows,
        }

    def _load(self, path: str) -> None:
        if os.path.isdir(path):
            path = os.path.join(path, "tokenizer.json")
        try:
            from .hash_path import hash_file

            digest = hash_file(path).digest
            self._measure = _load_measure(path)
        except ImportError:
            self.note = "lengths are told in characters: the package tokenizers is not installed"
        except Exception as error:
            # The package raises a bare Exception for a file that it does not understand.
            self.note = f"lengths are told in characters: {path} is no tokenizer to us: {str(error)[:200]}"
        else:
            self._tokenizer = digest

    def _flush(self) -> None:
        if not self._texts:
            return
        lengths = self._measure(self._texts)
        self._texts, self._characters = [], 0
        for length in lengths:
            self._counts[bisect_right(EDGES, length) - 1] += 1
        self._rows += len(lengths)
        self._total += sum(lengths)
        self._shortest = min(lengths) if self._shortest is None else min(self._shortest, *lengths)
        self._longest = max(lengths) if self._longest is None else max(self._longest, *lengths)


def _load_measure(path: str) -> Measure:
    import importlib

    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def measure(texts: list[str]) -> list[int]:
        return [len(one.ids) for one in tokenizer.encode_batch(texts, add_special_tokens=False)]

    return measure


def _count_characters(texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


def _texts_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in _texts_of(one)] if isinstance(value, list) else []
