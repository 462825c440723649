"""Delivers what dead processes left in a spool."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Callable, NamedTuple, Optional

from ..clock import now_text
from ..config import Config, ConfigError
from ..ids import uuid7
from ..receipt import Receipt
from ..say import Teller
from ..spool.layout import (
    KEPT_S,
    Meta,
    delete_folder,
    has_live_owner,
    list_producers,
    mark_done,
    modified_at,
    read_meta,
    write_meta,
)
from ..spool.leftover import Leftover, inspect_folder
from ..spool.outbox import Outbox
from ..spool.spool import Draft, Spool
from .courier import backoff
from .door import Door
from .sender import Sender, Stop

_OUTCOMES = {"empty": "delivered", "retry": "waiting", "hold": "held"}


class FolderResult(NamedTuple):
    """What became of one dead process's folder."""

    producer: str
    #: delivered, waiting, held, other_url (its events are for another server), live (its process delivers them itself),
    #: unreadable, deleted
    outcome: str = "delivered"
    #: Sealed now, not before.
    delivered: int = 0
    set_aside: int = 0
    #: Half-written entries that were cut off; they had never been accepted.
    torn: int = 0
    pending: int = 0
    detail: Optional[str] = None


def send_spool(config: Config, is_lost: Optional[Callable[[Receipt], bool]] = None) -> list[FolderResult]:
    """Sends whole folders, each to the server that it was recorded for and to no other; one recorded without a server is
    bound to the one given. Folders of live processes are left alone. What was acknowledged more than 7 days ago is deleted.

    Retries until `drain_s` is over, then says what waits. `is_lost` names acknowledged events that are sent again, after a
    restore that no client of this spool has been told of. Raises a ConfigError where address or key is missing; trouble with
    one folder is in its result.
    """
    if config.url is None or config.api_key is None:
        raise ConfigError(["url and api_key are wanted to send a spool"])
    shipment = _Shipment(config, Door(config.url, config.api_key, config.ca_file), is_lost)
    try:
        return [shipment.send_folder(producer) for producer in _by_age(config.spool_dir)]
    finally:
        shipment.door.close()


def _by_age(spool_dir: str) -> list[str]:
    """Who started first is sent first: of a wrapped run that is who started it."""

    def started_at(producer: str) -> float:
        return modified_at(os.path.join(spool_dir, producer, "owner.json")) or 0.0

    return sorted(list_producers(spool_dir), key=started_at)


def send_folder(config: Config, producer: str) -> FolderResult:
    """The same with one dead process's folder. Raises a ConfigError where address or key is missing."""
    if config.url is None or config.api_key is None:
        raise ConfigError(["url and api_key are wanted to send a spool"])
    shipment = _Shipment(config, Door(config.url, config.api_key, config.ca_file), None)
    try:
        return shipment.send_folder(producer)
    finally:
        shipment.door.close()


class _Shipment:
    def __init__(self, config: Config, door: Door, is_lost: Optional[Callable[[Receipt], bool]]) -> None:
        self.door = door
        self._config = config
        self._is_lost = is_lost
        self._teller = Teller(config.say)
        self._deadline = time.monotonic() + config.drain_s
        #: The server could not be reached until the deadline: the remaining folders are only counted.
        self._is_away = False

    def send_folder(self, producer: str) -> FolderResult:
        result = FolderResult(producer)
        folder = os.path.join(self._config.spool_dir, producer)
        try:
            if has_live_owner(folder):
                return result._replace(outcome="live")
            meta = read_meta(folder)
            if meta.url not in (None, self._config.url):
                return result._replace(outcome="other_url", detail=meta.url)
            return self._deliver(folder, meta, result)
        except (OSError, ValueError, KeyError, TypeError) as error:
            return result._replace(outcome="unreadable", detail=str(error))

    def _deliver(self, folder: str, meta: Meta, result: FolderResult) -> FolderResult:
        outbox = Outbox(folder)
        left = inspect_folder(folder)
        rewound = 0 if self._is_lost is None else outbox.rewind(self._is_lost)
        result = result._replace(torn=left.torn, pending=left.pending + rewound)
        if result.pending == 0:
            return result._replace(outcome=_retire(folder, left))
        if self._is_away:
            return result._replace(outcome="waiting")
        mark_done(folder, False)
        if meta.url is None:
            write_meta(folder, meta._replace(url=self._config.url))
        spool = self._continue(result.producer, left)
        sender = Sender(
            self._config.spool_dir,
            outbox,
            self.door,
            self._teller,
            declare=lambda set_aside: _declare(spool, left, set_aside),
        )
        stop = self._send_until(sender)
        spool.close()
        if stop.kind == "empty":
            mark_done(folder, True)
        self._is_away = stop.kind == "retry"
        return result._replace(
            outcome=_OUTCOMES[stop.kind],
            delivered=sender.delivered,
            set_aside=sender.set_aside,
            pending=inspect_folder(folder).pending,
        )

    def _send_until(self, sender: Sender) -> Stop:
        failures = 0
        while True:
            stop = sender.send_all()
            failures += 1
            pause_s = max(stop.after_s, backoff(failures))
            if stop.kind != "retry" or time.monotonic() + pause_s > self._deadline:
                return stop
            time.sleep(pause_s)

    def _continue(self, producer: str, left: Leftover) -> Spool:
        return Spool(
            self._config.spool_dir,
            producer,
            url=self._config.url,
            limit_bytes=float("inf"),
            others_bytes=0,
            teller=self._teller,
            free_acknowledged=lambda: 0,
            continues=(left.next_seq, left.next_segment),
        )


def _retire(folder: str, left: Leftover) -> str:
    """A folder in which all is settled is kept for 7 days after its last receipt."""
    mark_done(folder, True)
    if time.time() - left.newest_ack <= KEPT_S:
        return "delivered"
    delete_folder(folder)
    return "deleted"


def _declare(spool: Spool, left: Leftover, set_aside: list[dict[str, Any]]) -> None:
    """The declaration gets the dead producer's next counter: beyond the count that its terminal event may have told."""
    if left.run_stream is None:
        return
    payload = {"attempt": left.attempt, "not_accepted": [], "set_aside": set_aside}
    draft = Draft(
        uuid7(),
        "run.events-dropped",
        1,
        left.run_stream,
        json.dumps(now_text()),
        json.dumps(payload, ensure_ascii=False),
    )
    spool.accept(draft, "permanent")
