"""Digests of large files that were hashed before: a hint that spares reading a model again for every run."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from typing import Any, Optional

from ..spool.layout import make_folder, write_whole

#: A smaller file is read again sooner than looked up.
_WORTH_BYTES = 1024 * 1024
_ENTRIES_MAX = 10_000
_FILE_BYTES_MAX = 16 * 1024 * 1024
#: A file system's clock may stand still for so long: a file that changed later than this may change again unseen.
_SETTLED_S = 2.0
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")

#: size, mtime_ns, inode, ctime_ns and digest of a path.
Entry = list[Any]


def hash_cache_beside(producer_folder: str) -> str:
    """The file for all runs that share a spool, given one producer's folder in it."""
    return os.path.join(os.path.dirname(producer_folder), "hash-cache.json")


class HashCache:
    """One file beside the spool. A cache that is absent, damaged or of another's making is empty; none is ever an error.

    Two processes that save at once may lose one another's newest entries, which costs hashing them again.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._entries = _read(path)
        self._new: dict[str, Entry] = {}

    def find(self, path: str, of: os.stat_result) -> Optional[str]:
        """The digest of a file that is still as it was then, as far as size, times and inode can tell."""
        entry = self._entries.get(path)
        return str(entry[4]) if entry is not None and entry[:4] == _facts(of) else None

    def keep(self, path: str, of: os.stat_result, digest: str) -> None:
        is_settled = time.time() - max(of.st_mtime, of.st_ctime) > _SETTLED_S
        if of.st_size >= _WORTH_BYTES and is_settled:
            self._new[path] = self._entries[path] = [*_facts(of), digest]

    def save(self) -> None:
        """Writes down what was kept, beside what others wrote meanwhile; the oldest entries go first."""
        if not self._new:
            return
        entries = _read(self._path)
        for path, entry in self._new.items():
            entries.pop(path, None)
            entries[path] = entry
        newest = dict(list(entries.items())[-_ENTRIES_MAX:])
        with suppress(OSError):
            make_folder(os.path.dirname(self._path))
            write_whole(self._path, json.dumps({"format": 1, "entries": newest}).encode())
        self._new = {}


def _facts(of: os.stat_result) -> Entry:
    return [of.st_size, of.st_mtime_ns, of.st_ino, of.st_ctime_ns]


def _read(path: str) -> dict[str, Entry]:
    try:
        with open(path, "rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
        cache = json.loads(data) if len(data) <= _FILE_BYTES_MAX else {}
        if cache["format"] != 1:
            return {}
        return {str(path): entry for path, entry in cache["entries"].items() if _is_entry(entry)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 5
        and all(type(one) is int for one in entry[:4])
        and isinstance(entry[4], str)
        and _DIGEST.match(entry[4]) is not None
    )
