"""Rows of a dataset's files, streamed, as the usual loaders read them."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, Callable, TextIO, Union

_CHUNK_CHARACTERS = 1024 * 1024
#: A row that is longer than this is refused rather than held in memory.
_ROW_CHARACTERS_MAX = 64 * 1024 * 1024
_BLANK = " \t\n\r"
#: What lies beside the rows in a dataset's folder.
_NO_DATA = frozenset(["dataset_info.json", "dataset_infos.json", "state.json"])


class Unreadable(ValueError):
    """Says why a dataset's rows cannot be told."""


def list_data_files(paths: Union[str, Sequence[str]]) -> list[str]:
    """The files of a dataset that hold rows: those given, and of a folder all below it that end as such a file does.

    Raises Unreadable where there is none.
    """
    found: list[str] = []
    for path in [paths] if isinstance(paths, str) else paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        for folder, below, names in os.walk(path):
            below[:] = sorted(name for name in below if not name.startswith("."))
            rows = [name for name in sorted(names) if _ending(name) in _READERS and name not in _NO_DATA]
            found += [os.path.join(folder, name) for name in rows if not name.startswith(".")]
    if not found:
        raise Unreadable(f"there is no file of rows in {paths}: {', '.join(_READERS)} are known")
    return found


def read_rows(path: str) -> Iterator[Any]:
    """Raises Unreadable where the kind of file is unknown or its content is not of that kind, OSError as `open` does."""
    reader = _READERS.get(_ending(path))
    if reader is None:
        raise Unreadable(f"{path} is of a kind that is not known: {', '.join(_READERS)} are")
    try:
        yield from reader(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{path}: {error}") from None
    except RecursionError:
        raise Unreadable(f"{path}: a row is nested too deeply") from None


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _json_rows(path: str) -> Iterator[Any]:
    """The elements of one array, or values one after the other, whatever the file is called: so loaders take both."""
    with open(path, encoding="utf-8-sig") as file:
        text = _JsonText(path, file)
        if text.next_character() != "[":
            while text.next_character():
                yield text.take_value()
            return
        text.skip()
        if text.next_character() == "]":
            text.skip()
        else:
            separator = ","
            while separator == ",":
                yield text.take_value()
                separator = text.next_character()
                if separator not in (",", "]"):
                    text.refuse()
                text.skip()
        if text.next_character():
            text.refuse()


class _JsonText:
    """A window that moves over a text of JSON."""

    def __init__(self, path: str, file: TextIO) -> None:
        self._path = path
        self._file = file
        self._window = ""
        self._at = 0
        self._is_whole = False
        self._taken = 0
        self._decode = json.JSONDecoder().raw_decode

    def next_character(self) -> str:
        """The next one that is not blank; empty at the end."""
        while True:
            self._at = self._skip_blank(self._at)
            if self._at < len(self._window) or not self._read_on():
                return self._window[self._at : self._at + 1]

    def skip(self) -> None:
        self._at += 1

    def take_value(self) -> Any:
        while True:
            self.next_character()
            try:
                value, end = self._decode(self._window, self._at)
            except json.JSONDecodeError:
                if not self._read_on():
                    self.refuse()
                continue
            # Only what follows shows that a number has ended.
            if self._is_whole or self._skip_blank(end) < len(self._window):
                self._at = end
                self._taken += 1
                return value
            self._read_on()

    def refuse(self) -> None:
        raise Unreadable(f"{self._path} is no JSON after {self._taken} rows")

    def _skip_blank(self, at: int) -> int:
        window = self._window
        while at < len(window) and window[at] in _BLANK:
            at += 1
        return at

    def _read_on(self) -> bool:
        """False at the end. Reads as much as is held already, so that a long row costs linear time."""
        if self._is_whole:
            return False
        rest = self._window[self._at :]
        if len(rest) > _ROW_CHARACTERS_MAX:
            raise Unreadable(
                f"{self._path}: row {self._taken} is longer than {_ROW_CHARACTERS_MAX} characters, or no JSON"
            )
        more = self._file.read(max(_CHUNK_CHARACTERS, len(rest)))
        self._window, self._at = rest + more, 0
        self._is_whole = more == ""
        return not self._is_whole


def _csv_rows(path: str) -> Iterator[Any]:
    """Fields are texts; an empty one counts as missing. Fields beyond the head's go by an empty name."""
    csv.field_size_limit(_ROW_CHARACTERS_MAX)
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, restkey=""):
            yield {name: value or None for name, value in row.items()}


def _text_rows(path: str) -> Iterator[Any]:
    with open(path, encoding="utf-8-sig") as file:
        while line := file.readline(_ROW_CHARACTERS_MAX):
            yield {"text": line.rstrip("\n")}


def _parquet_rows(path: str) -> Iterator[Any]:
    parquet = _arrow(path, "pyarrow.parquet")
    for batch in parquet.ParquetFile(path).iter_batches(batch_size=1000):
        yield from batch.to_pylist()


def _arrow_rows(path: str) -> Iterator[Any]:
    arrow = _arrow(path, "pyarrow")
    with arrow.memory_map(path) as source:
        try:
            reader = arrow.ipc.open_stream(source)
        except arrow.ArrowInvalid:
            file = arrow.ipc.open_file(source)
            reader = (file.get_batch(index) for index in range(file.num_record_batches))
        for batch in reader:
            for start in range(0, batch.num_rows, 1000):
                yield from batch.slice(start, 1000).to_pylist()


def _arrow(path: str, name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise Unreadable(f"{path} is read by pyarrow only, which is not installed") from None


_READERS: dict[str, Callable[[str], Iterator[Any]]] = {
    ".json": _json_rows,
    ".jsonl": _json_rows,
    ".csv": _csv_rows,
    ".txt": _text_rows,
    ".parquet": _parquet_rows,
    ".arrow": _arrow_rows,
}
