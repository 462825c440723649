"""What a dataset is like: its rows and columns, how long they are, duplicates, and a sample to compare it by."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional, Union

from .profile_lengths import LengthHistogram
from .profile_rows import list_data_files, read_rows
from .profile_sketch import DISTINCT_MAX, SKETCH_SIZE, RowHashes

#: The schema's limits.
_COLUMNS_MAX = 1000
_NAME_MAX = 250
_TYPES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    list: "list",
    bytes: "bytes",
}


class Profiled(NamedTuple):
    #: As `artifact.assessed` takes it.
    profile: dict[str, Any]
    #: What a person should know about it, in a line.
    note: Optional[str]


def profile_dataset(
    paths: Union[str, Sequence[str]],
    *,
    tokenizer: Optional[str] = None,
    limit_s: float = 300.0,
    distinct_max: int = DISTINCT_MAX,
    sketch_size: int = SKETCH_SIZE,
) -> Profiled:
    """Streams the whole of a dataset (a file, a folder, or files) in bounded memory.

    A profile of a part would be no profile: raises Unreadable where a row cannot be read, TimeoutError beyond `limit_s`,
    OSError as `open` does.
    """
    deadline = time.monotonic() + limit_s
    columns = _Columns()
    hashes = RowHashes(sketch_size, distinct_max)
    lengths = LengthHistogram(tokenizer)
    for path in list_data_files(paths):
        for row in read_rows(path):
            columns.add(row)
            hashes.add(row)
            lengths.add(row)
            if columns.rows % 64 == 0 and time.monotonic() > deadline:
                raise TimeoutError(f"it was not read within {limit_s:g} s, {columns.rows} rows of it were")
    profile = {
        "rows": columns.rows,
        "columns": columns.result(),
        "token_lengths": lengths.result(),
        "duplicate_rows": hashes.duplicates,
        "row_sketch": hashes.sketch(),
    }
    return Profiled(profile, lengths.note)


def guess_schema(profile: dict[str, Any]) -> Optional[str]:
    """The usual name of a dataset's columns, or their names; None where it has none."""
    names = [column["name"] for column in profile["columns"]]
    usual = next((schema for schema, wanted in _SCHEMAS.items() if wanted.issubset(names)), None)
    return usual or ", ".join(names)[:_NAME_MAX] or None


#: The first that fits counts.
_SCHEMAS = {
    "sharegpt": {"conversations"},
    "openai": {"messages"},
    "preference": {"chosen", "rejected"},
    "alpaca": {"instruction", "output"},
    "prompt-completion": {"prompt", "completion"},
    "text": {"text"},
}


class _Columns:
    """Names in the order of their first row, the types of their values, and in how many rows they have one."""

    def __init__(self) -> None:
        self.rows = 0
        self._found: dict[str, tuple[set[str], list[int]]] = {}

    def add(self, row: Any) -> None:
        self.rows += 1
        # Rows that are no objects have one value without a name.
        for name, value in row.items() if isinstance(row, dict) else (("", row),):
            column = self._found.get(name)
            if column is None:
                if len(self._found) >= _COLUMNS_MAX:
                    continue
                column = self._found[name] = (set(), [0])
            if value is not None:
                column[0].add(_TYPES.get(type(value)) or type(value).__name__)
                column[1][0] += 1

    def result(self) -> list[dict[str, Any]]:
        return [
            {"name": _shown(name), "type": _type_of(types), "missing": self.rows - count[0]}
            for name, (types, count) in self._found.items()
        ]


def _shown(name: str) -> str:
    return name.replace("\0", "").encode(errors="replace").decode()[:_NAME_MAX]


def _type_of(types: set[str]) -> Optional[str]:
    if types == {"integer", "number"}:
        return "number"
    return " or ".join(sorted(types))[:_NAME_MAX] or None
