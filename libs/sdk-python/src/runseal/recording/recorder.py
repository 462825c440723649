"""One producer: checks events, spools them, has them sent, and declares what was given up. Nothing here raises."""

from __future__ import annotations

import os
import queue
from collections.abc import Sequence
from contextlib import suppress
from typing import Callable, Optional

from ..config import Config
from ..delivery.courier import Courier
from ..delivery.delivery import Delivery
from ..delivery.door import Door
from ..delivery.sender import Sender
from ..events.event import Invalid, retention_of
from ..events.metrics import MetricsBuffer, Row
from ..events.payloads import Json
from ..events.refusals import Refusals
from ..ids import uuid4
from ..lifetime import forget, remember
from ..receipt import Receipt
from ..say import Teller, words_of
from ..spool.housekeeping import Housekeeping
from ..spool.layout import mark_done
from ..spool.outbox import Outbox
from ..spool.places import measure_others
from ..spool.spool import Draft, Held, Spool
from .drafting import complete_event, declaration_of, draft_of, keep_invalid, without_secrets
from .writer import Writer

#: How long the end of a run waits for the disk.
_END_PATIENCE_S = 5.0


class Recorder:
    """Calls come from the trainer's threads and from the courier's; all that touches the spool happens on the writer's."""

    def __init__(
        self,
        config: Config,
        run: str,
        teller: Teller,
        on_receipts: Optional[Callable[[list[Receipt]], object]] = None,
    ) -> None:
        self.producer = uuid4()
        self.run = run
        self.attempt: Optional[str] = None
        #: What was masked: event type and JSON pointer.
        self.masked: list[str] = []
        self.is_disowned = False
        self._config = config
        self._teller = teller
        self._rows = MetricsBuffer()
        self._refusals = Refusals()
        self._outbox = Outbox(os.path.join(config.spool_dir, self.producer))
        self._housekeeping = Housekeeping(config.spool_dir, self._outbox, teller)
        self._spool = Spool(
            config.spool_dir,
            self.producer,
            url=config.url,
            limit_bytes=config.spool_limit_bytes,
            others_bytes=measure_others(config.spool_dir, teller),
            teller=teller,
            free_acknowledged=self._housekeeping.free_acknowledged,
        )
        self._writer = Writer(self._take_row, self._flush_rows, self._spool.sync, self._complain)
        self._sender: Optional[Sender] = None
        self.courier: Optional[Courier] = None
        if config.url is not None and config.api_key is not None:
            self._sender = self._make_sender(Door(config.url, config.api_key, config.ca_file), on_receipts)
            self.courier = Courier(self._sender, teller)
        self._start()

    @property
    def url(self) -> Optional[str]:
        """Where events are sent; None: nowhere yet."""
        return self._config.url if self.courier is not None else None

    @property
    def folder(self) -> str:
        return self._spool.folder

    def delivery(self) -> Delivery:
        set_aside, settled = (self._sender.set_aside, self._sender.settled) if self._sender else (0, 0)
        spooled = self._spool.count - settled
        # Where the disk hangs, what was logged last is not even accepted.
        return Delivery(spooled == 0 and not self._writer.is_stalled, spooled, set_aside, self.folder)

    def log_row(self, row: Row) -> None:
        if not self._writer.put_row(row):
            self._refusals.count("metrics", 1)

    def record(self, event: Json) -> Optional[str]:
        """Records an event of this run; what is left out is filled in. Returns its id, or None where it was not accepted.

        Rows logged before an event stand before it in the ledger. Masking, checks and the copy of the payload happen here, so
        that nothing that the caller changes later is recorded.
        """
        event = complete_event(self.run, self._without_secrets(event))
        draft = draft_of(event)
        if isinstance(draft, Invalid):
            self._keep_invalid(event, draft)
            return None
        retention = retention_of(draft.type)
        if retention != "permanent" and self._writer.is_full:
            self._refusals.count(retention, 1)
            return None

        def accept() -> bool:
            self._flush_rows()
            return self._accept(draft, retention)

        # What could not be waited for is on its way: only a refusal is a refusal.
        return None if self._do(accept) is False else draft.id

    def count(self) -> Optional[int]:
        """Events accepted so far, once the rows gathered are among them; None where the disk hangs."""

        def work() -> int:
            self._flush_rows()
            self._declare_refusals()
            return self._spool.count

        count = self._do(work, _END_PATIENCE_S)
        return count if type(count) is int else None

    def refuse(self, retention: str, count: int) -> None:
        self._refusals.count(retention, count)

    def end(self, event_type: str, payloads: list[Json], others: Sequence[Json] = ()) -> None:
        """Records the run's end with the count of this producer's events: by the first of these payloads that fits.

        `others` are further producers of the run, with their counts. An ending whose facts do not fit is better than a run
        that never ends.
        """

        def work() -> None:
            self._flush_rows()
            self._declare_refusals()
            for payload in payloads:
                # Nothing can come between counting and accepting: this thread alone accepts.
                producers = [{"id": self.producer, "count": self._spool.count + 1}, *others]
                whole = {**payload, "attempt": self.attempt, "producers": producers}
                if self._accept_event({"type": event_type, "payload": whole}):
                    return

        self._do(work, _END_PATIENCE_S)

    def flush_rows(self) -> None:
        """Puts the rows gathered so far into the spool."""
        self._do(self._flush_rows, _END_PATIENCE_S)

    def drain(self, limit_s: float) -> None:
        if self.courier is not None:
            self.courier.drain(limit_s)

    def sync(self, limit_s: float) -> None:
        """Has the disk keep all that was accepted so far."""
        self._do(lambda: self._spool.sync(always=True), limit_s)

    def close(self) -> None:
        """Ends the producer when all is delivered: its folder may go after 7 days."""

        def work() -> None:
            self._spool.close()
            try:
                # Absent where the disk never took anything.
                if os.path.isdir(self.folder):
                    mark_done(self.folder, True)
            except OSError as error:
                self._teller.once("done", f"{self.folder} cannot be marked as delivered: {error}")

        self._do(work, _END_PATIENCE_S)
        self._writer.stop()
        if self.courier is not None:
            self.courier.stop()
        forget(self)

    def rescue(self) -> None:
        with suppress(Exception):
            if self.courier is not None:
                self.courier.stop()
            self._writer.go_inline()
            self._teller.mute()

    def disown(self) -> None:
        self.is_disowned = True
        self._spool.forget()

    def _start(self) -> None:
        remember(self)
        self._writer.start()
        if self.courier is None:
            return
        try:
            self.courier.start()
        except RuntimeError as error:
            self._teller.once("thread", f"nothing is sent while the run goes on ({error}): events wait in the spool")
            self.courier = None

    def _do(self, job: Callable[[], object], patience_s: Optional[float] = None) -> object:
        try:
            return self._writer.do(job) if patience_s is None else self._writer.do(job, patience_s)
        except queue.Full:
            self._teller.once("queue", "the disk has hung for too long: events are lost")
            return False

    def _without_secrets(self, event: Json) -> Json:
        clean, masked = without_secrets(event)
        if masked:
            kind = event["type"]
            self.masked += [f"{kind} {pointer}" for pointer in masked]
            self._teller.once(f"masked {kind}", f"what looks like a secret is masked: {kind} {', '.join(masked[:20])}")
        return clean

    # From here on everything but the callbacks of the sender runs on the writer's thread.

    def _complain(self, error: Exception) -> None:
        self._teller.once("fault", f"something could not be recorded: {words_of(error)}")

    def _take_row(self, row: Row) -> None:
        wrong = self._rows.push(row)
        if wrong is not None:
            self._teller.once("metrics", f"log_metrics: {wrong}; it is left out")
        if self._rows.is_full:
            self._flush_rows()

    def _flush_rows(self) -> None:
        self._writer.flushed()
        if len(self._rows) == 0:
            return
        rows = self._rows.take()
        # Rows are names and numbers: there is no text in which a secret could lie.
        event = complete_event(
            self.run, {"type": "run.metrics-logged", "payload": {"attempt": self.attempt, "rows": rows}}
        )
        draft = draft_of(event)
        if isinstance(draft, Invalid):
            self._keep_invalid(event, draft)
        else:
            self._accept(draft, "metrics", len(rows))

    def _accept_event(self, event: Json) -> bool:
        event = complete_event(self.run, self._without_secrets(event))
        draft = draft_of(event)
        if isinstance(draft, Invalid):
            self._keep_invalid(event, draft)
            return False
        return self._accept(draft, retention_of(draft.type))

    def _accept(self, draft: Draft, retention: str, weight: int = 1) -> bool:
        if not self._spool.accept(draft, retention):
            if retention != "permanent":
                self._refusals.count(retention, weight)
            return False
        # Space is there again: what was refused meanwhile is declared before anything else is refused.
        if self._refusals.has(retention):
            self._declare_refusals()
        if self.courier is not None:
            self.courier.notify()
        return True

    def _declare_refusals(self) -> None:
        refused = self._refusals.take()
        if refused and not self._accept_event(declaration_of(self.attempt, refused, [])):
            self._refusals.give_back(refused)

    def _keep_invalid(self, event: Json, invalid: Invalid) -> None:
        """It was never accepted, so nothing counts it."""
        line = keep_invalid(self._config.spool_dir, event, invalid)
        self._teller.once(f"invalid {event['type']}", line)

    def _make_sender(self, door: Door, on_receipts: Optional[Callable[[list[Receipt]], object]]) -> Sender:
        def in_memory() -> list[Held]:
            def look() -> list[Held]:
                self._spool.freed(self._housekeeping.delete_expired())
                self._spool.write_held()
                return self._spool.in_memory

            return self._writer.do(look, _END_PATIENCE_S) or []

        return Sender(
            self._config.spool_dir,
            self._outbox,
            door,
            self._teller,
            declare=lambda set_aside: self.record(declaration_of(self.attempt, [], set_aside)),
            on_receipts=on_receipts,
            in_memory=in_memory,
            release=lambda ids: self._writer.do(lambda: self._spool.release(ids), _END_PATIENCE_S) or set(),
        )
