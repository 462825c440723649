"""What a dead process left in its folder."""

from __future__ import annotations

import os
from typing import Optional

from .layout import ack_file, append_whole, list_segments, modified_at, segment_file
from .outbox import id_of, read_entries, read_settlements


class Leftover:
    """Counts of a folder, and what must be known to go on in it."""

    def __init__(self) -> None:
        self.events = 0
        self.pending = 0
        #: Torn or damaged ends that were cut off.
        self.torn = 0
        self.next_seq = 0
        self.next_segment = 0
        #: Stream of the run that this producer recorded, and its attempt, for what must be declared later.
        self.run_stream: Optional[str] = None
        self.attempt: Optional[str] = None
        self.newest_ack = 0.0


def inspect_folder(folder: str) -> Leftover:
    """Reads a dead process's whole folder once: cuts off what a kill tore, and counts.

    Everything before a torn entry is kept; the bytes behind go to a file beside the segment before they are cut off.
    """
    left = Leftover()
    for number in list_segments(folder):
        path = segment_file(folder, number)
        events, rest = read_entries(path, 0)
        if rest:
            left.torn += 1
            append_whole(f"{path}.torn", rest)
            os.truncate(path, events[-1].end if events else 0)
        settled = {id_of(one) for one in read_settlements(folder, number)}
        for stored in events:
            left.events += 1
            left.pending += stored.id not in settled
            producer = stored.event.get("producer") or {}
            left.next_seq = max(left.next_seq, producer.get("seq", -1) + 1)
            if left.run_stream is None and stored.event["stream"].startswith("run/"):
                left.run_stream = stored.event["stream"]
            if stored.event["type"] == "run.attempt-started":
                left.attempt = stored.id
        left.next_segment = number + 1
        left.newest_ack = max(left.newest_ack, modified_at(ack_file(folder, number)) or 0)
    return left
