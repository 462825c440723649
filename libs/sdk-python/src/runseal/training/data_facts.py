"""What the data sets that a trainer was given tell: where they come from, how many rows, and a digest of the rows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Optional

#: Rows that are written at once for the digest: part of what it means.
_ROWS = 1000
#: Bytes of rows that are read for a digest; of more there is none.
_BYTES_MAX = 8_000_000_000
_HUB = re.compile(r"hf://datasets/(?P<name>[^@]+)@(?P<revision>[0-9a-f]{40})/")


class DataFacts(NamedTuple):
    #: A file on this machine, where all rows come from one.
    path: Optional[str]
    #: A hub's name.
    source: Optional[str]
    #: The hub's commit, else the fingerprint of the rows.
    version: Optional[str]
    samples: Optional[int]
    #: Names of the columns.
    schema: Optional[str]

    @property
    def name(self) -> Optional[str]:
        place = self.source or (os.path.splitext(os.path.basename(self.path))[0] if self.path else None)
        return place[:250] if place else None


def data_facts(data: Any) -> DataFacts:
    """Of a data set as a trainer has it, of whatever kind; unknown members are None. Never raises."""
    path = source = version = None
    with suppress(Exception):
        places = [str(place) for place in (data.info.download_checksums or {})]
        hubs = [_HUB.match(place) for place in places]
        if len(places) == 1 and os.path.isfile(places[0]):
            path = os.path.abspath(places[0])
        elif places and all(hubs) and len({one[0] for one in hubs if one}) == 1:
            source, version = (hubs[0]["name"], hubs[0]["revision"]) if hubs[0] else (None, None)
    columns: list[str] = []
    with suppress(Exception):
        columns = [str(name) for name in data.column_names]
    with suppress(Exception):
        version = version or f"fingerprint:{data._fingerprint}"
    return DataFacts(path, source, version, _count(data), ", ".join(columns)[:250] or None)


def rows_digest(data: Any) -> Optional[str]:
    """SHA-256 over the rows of a `datasets.Dataset` as they are: the line "runseal.rows.v1", the schema as a line, then the
    rows as record batches of 1000 in Arrow's IPC format, without metadata. None for every other kind, whose rows cannot be
    read without side effects, for more than 8 GB, and where anything goes wrong.
    """
    with suppress(Exception):
        import hashlib

        digest = hashlib.sha256(b"runseal.rows.v1\n")
        size = 0
        for part in _parts(data):
            digest.update(part)
            size += len(part)
            if size > _BYTES_MAX:
                return None
        return f"sha256:{digest.hexdigest()}"
    return None


def _parts(data: Any) -> Iterator[Any]:
    if type(data).__module__.partition(".")[0] != "datasets" or not hasattr(data, "_fingerprint"):
        raise TypeError("only rows of datasets are read")
    # Past formats and transforms of the user: those may draw from the training's random numbers.
    plain = data.with_format("arrow")
    schema = plain.features.arrow_schema.remove_metadata()
    yield f"{schema.to_string()}\n".encode()
    for start in range(0, len(plain), _ROWS):
        table = plain[start : start + _ROWS].cast(schema).combine_chunks()
        for batch in table.to_batches():
            yield batch.serialize()


def _count(data: Any) -> Optional[int]:
    try:
        return len(data)
    except Exception:
        return None
