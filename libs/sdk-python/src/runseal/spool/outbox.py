"""The reading end of one producer's folder: hands out what is not settled yet, in order, and writes down what is."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any, Callable, NamedTuple, Optional, Union, cast

from ..receipt import Known, Receipt, is_receipt, newest
from .layout import (
    KEPT_S,
    ack_file,
    append_whole,
    list_segments,
    modified_at,
    read_meta,
    segment_file,
    size_of,
    write_meta,
    write_whole,
)
from .segment import HEADER, decode_segment


class Stored(NamedTuple):
    """An event as it lies in the spool: the text is sent as it is."""

    text: bytes
    #: Its members; only id, type, stream and producer are looked at.
    event: dict[str, Any]
    #: Where its entry ends in the segment.
    end: int

    @property
    def id(self) -> str:
        return cast(str, self.event["id"])


class Refused(NamedTuple):
    id: str
    code: str


#: One line of an `.ack` file: a receipt, or the code for which the event was set aside.
Settlement = Union[Receipt, Refused]


class _Segment:
    def __init__(self, number: int, settled: set[str]) -> None:
        self.number = number
        self.settled = settled
        #: Entries before this byte are settled.
        self.offset = 0
        #: Whether the `.ack` file may end in half a line.
        self.is_ack_torn = True


class Outbox:
    """A settlement that a kill takes away costs only a second sending. One thread reads and settles; any may free."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.known: Optional[Known] = None
        self._current: Optional[_Segment] = None
        self._batch_end = 0
        self._unsettled: set[str] = set()
        self._ledger: Optional[str] = None
        self._lock = threading.Lock()

    def read(self, count_max: int, bytes_max: int) -> list[Stored]:
        """At most so many events and bytes of one segment; empty when all that is written is settled."""
        while True:
            # Listed before reading: a segment that has a successor by now gets no more entries.
            segments = list_segments(self.folder)
            if self._current is None and segments:
                self._current = self._open(segments[0])
            current = self._current
            if current is None:
                return []
            found, _ = read_entries(segment_file(self.folder, current.number), current.offset)
            batch, end = _take(found, current, count_max, bytes_max)
            if batch:
                self._batch_end = end
                self._unsettled = {stored.id for stored in batch}
                return batch
            current.offset = end
            following = [number for number in segments if number > current.number]
            if not following:
                return []
            self._current = self._open(following[0])

    def settle(self, settlements: list[Settlement]) -> None:
        """Writes down receipts and refusals; events that came from memory are named in no segment and change nothing.

        Raises OSError where the disk refuses; the settlements are then remembered for the life of this process only.
        """
        segment = self._current
        written = [one for one in settlements if segment is not None and id_of(one) in self._unsettled]
        self._unsettled -= {id_of(one) for one in written}
        self._learn(settlements)
        if segment is not None and written:
            self._write_down(segment, written)
        receipt = next((one for one in settlements if not isinstance(one, Refused)), None)
        if receipt is not None and segment is not None:
            self._learn_ledger(receipt["ledger"])

    def rewind(self, is_lost: Callable[[Receipt], bool]) -> int:
        """Forgets the receipts that a restore lost: their events are unsettled again. Returns how many."""
        count = 0
        self._current = None
        self.known = None
        with self._lock:
            for number in list_segments(self.folder):
                settlements = read_settlements(self.folder, number)
                kept = [one for one in settlements if isinstance(one, Refused) or not is_lost(one)]
                self._learn(kept)
                if len(kept) < len(settlements):
                    count += len(settlements) - len(kept)
                    write_whole(ack_file(self.folder, number), _lines(kept))
        return count

    def delete_settled(self, age_s: float = KEPT_S) -> int:
        """Deletes segments before the one being read whose last receipt is older; returns the bytes freed.

        The segment goes before its receipts: dying in between leaves a stray `.ack`, which does no harm.
        """
        freed = 0
        current = self._current
        with self._lock:
            for number in list_segments(self.folder):
                if current is None or number >= current.number:
                    break
                ack = ack_file(self.folder, number)
                acknowledged_at = modified_at(ack)
                if acknowledged_at is None or time.time() - acknowledged_at < age_s:
                    continue
                freed += size_of(ack) + size_of(segment_file(self.folder, number))
                os.unlink(segment_file(self.folder, number))
                os.unlink(ack)
        return freed

    def _write_down(self, segment: _Segment, written: list[Settlement]) -> None:
        segment.settled.update(map(id_of, written))
        if not self._unsettled:
            segment.offset = self._batch_end
        # What a kill or a full disk left of a line must not swallow the next one.
        begin = b"\n" if segment.is_ack_torn else b""
        segment.is_ack_torn = True
        append_whole(ack_file(self.folder, segment.number), begin + _lines(written))
        segment.is_ack_torn = False

    def _open(self, number: int) -> _Segment:
        settlements = read_settlements(self.folder, number)
        self._learn(settlements)
        return _Segment(number, set(map(id_of, settlements)))

    def _learn(self, settlements: list[Settlement]) -> None:
        for one in settlements:
            if not isinstance(one, Refused):
                self.known = newest(one, self.known)

    def _learn_ledger(self, ledger: str) -> None:
        if self._ledger == ledger:
            return
        meta = read_meta(self.folder)
        if meta.ledger is None:
            write_meta(self.folder, meta._replace(ledger=ledger))
        self._ledger = ledger


def read_entries(path: str, offset: int) -> tuple[list[Stored], bytes]:
    """Whole entries from an offset on, and the bytes behind them. A body that is no JSON ends them like a broken checksum."""
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read()
    events: list[Stored] = []
    end = 0
    for body in decode_segment(data).bodies:
        try:
            event = json.loads(body)
            stored = Stored(body, event, offset + end + HEADER.size + len(body))
            _ = stored.id, event["type"], event["stream"]
        except (ValueError, KeyError, TypeError):
            break
        end += HEADER.size + len(body)
        events.append(stored)
    return events, data[end:]


def read_settlements(folder: str, number: int) -> list[Settlement]:
    """Lines that a kill cut short are left out: their events are sent again."""
    try:
        with open(ack_file(folder, number), "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return []
    return [one for one in map(_settlement, lines) if one is not None]


def id_of(settlement: Settlement) -> str:
    return settlement.id if isinstance(settlement, Refused) else settlement["id"]


def _settlement(line: bytes) -> Optional[Settlement]:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if is_receipt(value):
        return cast(Receipt, value)
    if isinstance(value, dict) and isinstance(value.get("id"), str) and isinstance(value.get("refused"), str):
        return Refused(value["id"], value["refused"])
    return None


def _lines(settlements: list[Settlement]) -> bytes:
    values = [{"id": one.id, "refused": one.code} if isinstance(one, Refused) else one for one in settlements]
    return b"".join(json.dumps(value, separators=(",", ":")).encode() + b"\n" for value in values)


def _take(found: list[Stored], segment: _Segment, count_max: int, bytes_max: int) -> tuple[list[Stored], int]:
    batch: list[Stored] = []
    size = 0
    end = segment.offset
    for stored in found:
        if stored.id not in segment.settled:
            length = len(stored.text) + 1
            if batch and (len(batch) >= count_max or size + length > bytes_max):
                break
            batch.append(stored)
            size += length
        end = stored.end
    return batch, end
