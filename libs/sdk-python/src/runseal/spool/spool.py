"""The writing end of one producer's folder."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Callable, NamedTuple, Optional

from ..say import Teller
from ..version import CLIENT
from .layout import SEGMENT_BYTES, Meta, make_folder, segment_file, write_all, write_meta, write_owner
from .segment import encode_entry

#: Lifecycle events that the disk does not take wait in memory, at most this many bytes of them.
HELD_BYTES_MAX = 16 * 1024 * 1024
#: How long a class stays refused after the disk was full, before it is tried again.
FULL_PAUSE_S = 5.0
#: Share of the limit up to which a class is accepted: telemetry gives way first, then logs, then metrics.
_SHARES = {"telemetry": 0.9, "logs": 0.95, "metrics": 1.0}
_RANKS = {"telemetry": 1, "logs": 2, "metrics": 3, "permanent": 4}
_sync_data = getattr(os, "fdatasync", os.fsync)


class Draft(NamedTuple):
    """An event that has no counter yet; payload and conditions are JSON texts already."""

    id: str
    type: str
    version: int
    stream: str
    #: A JSON text too: null, or a time in quotes.
    occurred_at: str
    payload: str
    expect: Optional[str] = None

    def text(self, producer: str) -> str:
        """The event as submitted. Every member but the payload has been checked to need no escapes."""
        expect = "" if self.expect is None else f',"expect":{self.expect}'
        return (
            f'{{"id":"{self.id}","type":"{self.type}","version":{self.version},"stream":"{self.stream}",'
            f'"occurred_at":{self.occurred_at},"producer":{producer},"payload":{self.payload}{expect}}}'
        )


class Held(NamedTuple):
    id: str
    text: str
    entry: bytes


class Spool:
    """Accepts events: an event is accepted when its bytes are with the kernel, so that a SIGKILL loses nothing.

    The disk is told to keep them (`sync`) after every lifecycle event and when a segment is closed; a power cut loses at
    most the metrics since then. Nothing here raises. Not thread-safe: its owner holds a lock.
    """

    def __init__(
        self,
        root: str,
        producer: str,
        *,
        url: Optional[str],
        limit_bytes: float,
        others_bytes: int,
        teller: Teller,
        free_acknowledged: Callable[[], int],
        segment_bytes: int = SEGMENT_BYTES,
        continues: Optional[tuple[int, int]] = None,
    ) -> None:
        """`free_acknowledged` deletes acknowledged segments and returns the bytes freed; `continues` are the next counter
        and the next free segment of a dead process's folder."""
        self.folder = os.path.join(root, producer)
        self._producer = producer
        self._limit = limit_bytes
        self._teller = teller
        self._free_acknowledged = free_acknowledged
        self._segment_bytes_max = segment_bytes
        self._count, self._segment = continues or (0, 0)
        self._used = others_bytes
        self._handle: Optional[int] = None
        self._segment_bytes = 0
        self._held: list[Held] = []
        self._held_bytes = 0
        self._full_rank = 0
        self._full_until = 0.0
        self._wants_sync = False
        self._closed = False
        if continues is None:
            self._prepare(root, url)

    @property
    def count(self) -> int:
        """Events accepted so far, and so the counter that the next one gets."""
        return self._count

    @property
    def in_memory(self) -> list[Held]:
        """Accepted lifecycle events that the disk does not take: they are younger than all that lies on it."""
        return list(self._held)

    def accept(self, draft: Draft, retention: str) -> bool:
        """Gives the event its counter and keeps it; False: refused for want of space."""
        if self._closed:
            return False
        producer = f'{{"id":"{self._producer}","seq":{self._count},"client":"{CLIENT}"}}'
        text = draft.text(producer)
        entry = encode_entry(text.encode())
        self.write_held()
        is_taken = (self._admits(retention, len(entry)) and not self._held and self._append(entry, retention)) or (
            retention == "permanent" and self._hold(Held(draft.id, text, entry))
        )
        if not is_taken:
            return False
        self._count += 1
        self._wants_sync = self._wants_sync or retention == "permanent"
        return True

    def release(self, ids: set[str]) -> set[str]:
        """The sender has delivered these from memory; returns those that have been written to the disk meanwhile."""
        before = {held.id for held in self._held}
        self._held = [held for held in self._held if held.id not in ids]
        self._held_bytes = sum(len(held.entry) for held in self._held)
        return ids - before

    def write_held(self) -> None:
        """Tries once more to write what waits in memory."""
        if not self._held or (time.monotonic() < self._full_until and self._full_rank > 3):
            return
        while self._held and self._append(self._held[0].entry, "permanent"):
            self._held_bytes -= len(self._held.pop(0).entry)

    def freed(self, count: int) -> None:
        self._used -= count

    def sync(self, always: bool = False) -> None:
        """Has the disk keep what was accepted, where a lifecycle event waits for it."""
        if self._handle is not None and (self._wants_sync or always):
            self._wants_sync = False
            self._sync(self._handle)

    def close(self) -> None:
        self.write_held()
        self._closed = True
        self._close_segment()

    def forget(self) -> None:
        """In a forked child: the descriptor goes, the file stays the parent's."""
        self._closed = True
        self._held = []
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):
                os.close(handle)

    def _prepare(self, root: str, url: Optional[str]) -> None:
        try:
            make_folder(root)
            make_folder(self.folder)
            # The owner first: a folder with meta.json and no owner is taken for a dead process's.
            write_owner(self.folder)
            write_meta(self.folder, Meta(url, None))
        except OSError as error:
            self._complain(error)

    def _admits(self, retention: str, size: int) -> bool:
        if retention == "permanent":
            return True
        if time.monotonic() < self._full_until and _RANKS[retention] <= self._full_rank:
            return False
        limit = self._limit * _SHARES[retention]
        if self._used + size <= limit:
            return True
        self.freed(self._free_acknowledged())
        if self._used + size <= limit:
            return True
        self._teller.once("limit", f"the spool has reached its limit: {retention} is refused and counted")
        return False

    def _append(self, entry: bytes, retention: str) -> bool:
        if self._write(entry):
            return True
        freed = self._free_acknowledged()
        self.freed(freed)
        if freed > 0 and self._write(entry):
            return True
        # The refused class and those that give way before it are left alone for a while; the rest is still tried.
        now, rank = time.monotonic(), _RANKS[retention]
        self._full_rank = max(self._full_rank, rank) if now < self._full_until else rank
        self._full_until = now + FULL_PAUSE_S
        return False

    def _write(self, entry: bytes) -> bool:
        try:
            handle = self._handle
            if handle is None or self._segment_bytes + len(entry) > self._segment_bytes_max:
                handle = self._open_segment()
            write_all(handle, entry)
        except OSError as error:
            self._complain(error)
            self._cut_back()
            return False
        self._segment_bytes += len(entry)
        self._used += len(entry)
        # A small entry that still fits does not mean that the disk is no longer full.
        if time.monotonic() >= self._full_until:
            self._teller.passed("disk")
        return True

    def _cut_back(self) -> None:
        """Half an entry must not stay before the next one: readers stop at it."""
        if self._handle is None:
            return
        try:
            os.ftruncate(self._handle, self._segment_bytes)
            os.lseek(self._handle, self._segment_bytes, os.SEEK_SET)
        except OSError:
            # The next entry goes to a segment of its own; recovery cuts the half one off the end of this one.
            self._close_segment()

    def _open_segment(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(segment_file(self.folder, self._segment), flags, 0o600)
        self._close_segment()
        self._handle = handle
        self._segment += 1
        self._segment_bytes = 0
        self._sync_folder()
        return handle

    def _close_segment(self) -> None:
        handle, self._handle = self._handle, None
        if handle is None:
            return
        self._sync(handle)
        with suppress(OSError):
            os.close(handle)

    def _sync(self, handle: int) -> None:
        try:
            _sync_data(handle)
        except OSError as error:
            self._complain(error)

    def _sync_folder(self) -> None:
        # Not every system lets a folder be opened or synced; the file's own bytes are synced in any case.
        with suppress(OSError):
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _hold(self, held: Held) -> bool:
        if self._held_bytes + len(held.entry) > HELD_BYTES_MAX:
            self._teller.once("memory", "the spool cannot be written and its memory is full: events are lost")
            return False
        self._held.append(held)
        self._held_bytes += len(held.entry)
        return True

    def _complain(self, error: OSError) -> None:
        self._teller.once(
            "disk",
            f"the spool {self.folder} cannot be written ({error}): "
            "lifecycle events wait in memory, the rest is refused and counted",
        )
