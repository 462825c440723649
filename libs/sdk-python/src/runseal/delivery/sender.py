"""Sends one producer's events in order until nothing is left or the door says wait."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple, Optional

from ..events.event import EVENTS_PER_REQUEST, REQUEST_BYTES
from ..receipt import Receipt
from ..say import Teller, words_of
from ..spool.outbox import Outbox, Refused, Settlement, Stored, id_of
from ..spool.set_aside import Problem, keep_refused
from ..spool.spool import Held
from .door import Door, EpochChanged, Hold, RefusedEvents, Retry, Sealed, find_guilty, refusal_code_of

#: Room for `known` and the brackets around the events.
_ENVELOPE_BYTES = 1024
#: So many events of the largest size fit one request.
_HELD_PER_REQUEST = 6


class Stop(NamedTuple):
    """Why sending stopped: all is delivered (`empty`), the moment is bad (`retry`), or a person must do something (`hold`)."""

    kind: str
    after_s: float = 0.0


class Sender:
    """An event that the door refuses for itself is set aside and the rest goes on. Raises OSError only where reading fails."""

    def __init__(
        self,
        root: str,
        outbox: Outbox,
        door: Door,
        teller: Teller,
        declare: Callable[[list[dict[str, Any]]], object],
        on_receipts: Optional[Callable[[list[Receipt]], object]] = None,
        in_memory: Callable[[], Sequence[Held]] = list,
        release: Callable[[set[str]], set[str]] = lambda _: set(),
    ) -> None:
        """`declare` is called before events are settled as set aside, so that dying in between declares twice; `in_memory`
        are events that wait because the disk does not take them, asked for when the disk's are all delivered; `release`
        forgets those that are delivered and returns those that have gone to the disk meanwhile."""
        self._root = root
        self._outbox = outbox
        self._door = door
        self._teller = teller
        self._declare = declare
        self._on_receipts = on_receipts
        self._in_memory = in_memory
        self._release = release
        self._epoch_seen = -1
        self._is_from_memory = False
        self._sent_from_memory: set[str] = set()
        #: Events that the server sealed now, not before.
        self.delivered = 0
        self.set_aside = 0
        #: Events that need not be sent any more, for whichever reason.
        self.settled = 0

    def send_all(self) -> Stop:
        while True:
            batch = self._next()
            if not batch:
                return Stop("empty")
            stop = self._send_groups([batch])
            if stop is not None:
                return stop

    def close(self) -> None:
        self._door.close()

    def _next(self) -> list[Stored]:
        stored = self._outbox.read(EVENTS_PER_REQUEST, REQUEST_BYTES - _ENVELOPE_BYTES)
        self._is_from_memory = not stored
        if stored:
            return stored
        held = self._in_memory()[:_HELD_PER_REQUEST]
        return [Stored(one.text.encode(), json.loads(one.text), 0) for one in held]

    def _send_groups(self, groups: list[list[Stored]]) -> Optional[Stop]:
        """Works groups off from the front, so that order is kept where a group had to be split."""
        while groups:
            group = groups.pop(0)
            if not group:
                continue
            answer = self._door.post([stored.text for stored in group], self._outbox.known)
            if isinstance(answer, Sealed):
                self._settle_sealed(group, answer.receipts)
            elif isinstance(answer, RefusedEvents):
                groups[:0] = self._split_refused(group, answer.problem)
            elif isinstance(answer, EpochChanged):
                return self._send_again(answer)
            elif isinstance(answer, Hold):
                return self._hold_back(answer.problem)
            else:
                return self._wait(answer)
        return None

    def _settle_sealed(self, group: list[Stored], receipts: list[Receipt]) -> None:
        for trouble in ("server", "hold"):
            self._teller.passed(trouble)
        # The server answers in order; the id is taken from what was sent, since that is what must not be sent again.
        mine: list[Receipt] = [{**receipt, "id": stored.id} for stored, receipt in zip(group, receipts)]
        self._settle(list(mine))
        self.delivered += sum(not receipt.get("duplicate") for receipt in receipts)
        try:
            if self._on_receipts is not None:
                self._on_receipts(mine)
        except Exception as error:
            self._teller.once("receipts", f"on_receipts raised {words_of(error)}")

    def _split_refused(self, group: list[Stored], problem: Problem) -> list[list[Stored]]:
        guilty = set(find_guilty(problem, len(group)))
        if not guilty:
            middle = len(group) // 2
            return [group[:middle], group[middle:]]
        self._put_aside([stored for index, stored in enumerate(group) if index in guilty], problem)
        return [[stored for index, stored in enumerate(group) if index not in guilty]]

    def _put_aside(self, events: list[Stored], problem: Problem) -> None:
        code = refusal_code_of(problem)
        for stored in events:
            try:
                text = stored.text.decode(errors="replace")
                path = keep_refused(self._root, stored.id, text, code, problem)
                self._teller.once(
                    "refused", f"the server refused an event ({code}: {problem.detail}); it lies in {path}"
                )
            except OSError as error:
                self._teller.once("refused", f"a refused event ({code}) stays in its segment only: {error}")
        # A refused declaration is not declared again: that would never end.
        declared = [stored for stored in events if stored.event["type"] != "run.events-dropped"]
        if declared:
            self._declare([_named(stored, code) for stored in declared])
        self._settle([Refused(stored.id, code) for stored in events])
        self.set_aside += len(events)

    def _settle(self, settlements: list[Settlement]) -> None:
        ids = {id_of(one) for one in settlements}
        # What was sent from memory while it was written to the disk is sent from there once more, and counts once.
        self.settled += len(ids - self._sent_from_memory)
        self._sent_from_memory -= ids
        try:
            if self._is_from_memory:
                self._sent_from_memory |= self._release(ids)
            self._outbox.settle(settlements)
        except (OSError, ValueError, KeyError) as error:
            self._teller.once("ack", f"receipts cannot be kept ({error}): events may be sent twice")

    def _send_again(self, change: EpochChanged) -> Optional[Stop]:
        # The same change told twice means that the door and we do not understand each other; no tight loop for that.
        if change.epoch <= self._epoch_seen:
            return Stop("retry")
        self._epoch_seen = change.epoch
        count = self._outbox.rewind(lambda one: one["epoch"] < change.epoch and one["seq"] >= change.kept_size)
        self.settled -= count
        self._teller.once(
            f"epoch {change.epoch}", f"the server was restored from a backup: {count} events are sent again"
        )
        return None

    def _hold_back(self, problem: Problem) -> Stop:
        if problem.code == "ledger_rewound":
            what = "the ledger does not hold what it has acknowledged (ledger_rewound)"
        else:
            what = f"the server does not let us in ({problem.status}: {problem.detail})"
        self._teller.once("hold", f"{what}: events wait in the spool")
        return Stop("hold")

    def _wait(self, answer: Retry) -> Stop:
        self._teller.once("server", f"the server cannot be reached ({answer.why}): events wait in the spool")
        return Stop("retry", answer.after_s)


def _named(stored: Stored, code: str) -> dict[str, Any]:
    producer = stored.event.get("producer")
    place = None if producer is None else {"id": producer["id"], "seq": producer["seq"]}
    return {"id": stored.id, "type": stored.event["type"], "producer": place, "code": code}
