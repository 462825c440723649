"""The background thread of one run that sends when there is something and waits when the door says so."""

from __future__ import annotations

import queue
import random
import threading
import time
from contextlib import suppress
from typing import Callable, Optional

from ..say import Teller, words_of
from .sender import Sender, Stop

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 60.0
#: What must be sealed by somebody else first is waited for so long, then sent all the same.
HOLD_S = 60.0
_LOOK_S = 0.1
#: While somebody waits for the delivery, the pauses are shorter.
BACKOFF_DRAIN_S = 5.0


def backoff(failures: int, max_s: float = BACKOFF_MAX_S) -> float:
    """Full jitter: anything from 0 to the doubled, limited pause, so that a thousand clients do not come back at once."""
    return float(random.random() * min(max_s, BACKOFF_FIRST_S * 2 ** min(failures - 1, 20)))


class Courier:
    """A daemon thread: it never keeps the process alive. Its callers never wait for it but in `drain`.

    Only SimpleQueue is used between threads: its `put` may interrupt itself, so a signal handler that logs cannot deadlock.
    """

    def __init__(self, sender: Sender, teller: Teller) -> None:
        self._sender = sender
        self._teller = teller
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._drains: list[queue.SimpleQueue[None]] = []
        #: Nothing is sent before this is so.
        self.may_send: Callable[[], bool] = lambda: True
        self._failures = 0
        self._is_paused = False
        #: The server named a time (Retry-After): nobody cuts that short.
        self._must_wait = False
        self._is_stopped = False

    def start(self) -> None:
        """Raises RuntimeError where the system gives no thread."""
        threading.Thread(target=self._loop, name="runseal-courier", daemon=True).start()

    def notify(self) -> None:
        """There is something new to send; it does not cut a pause short."""
        if not self._is_paused:
            self._wake.put(None)

    def drain(self, limit_s: float) -> None:
        """Returns when everything is delivered, when only a person can help, or after the limit."""
        done: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._drains.append(done)
        if not self._must_wait:
            self._wake.put(None)
        try:
            with suppress(queue.Empty):
                done.get(timeout=limit_s)
        finally:
            with suppress(ValueError):
                self._drains.remove(done)

    def stop(self) -> None:
        self._is_stopped = True
        self._wake.put(None)

    def _loop(self) -> None:
        while not self._is_stopped:
            # What woke it lies in the spool by now; what comes from here on wakes it again.
            self._forget_wakes()
            # Those who come while it sends wait for the next round: this one may have missed what they wait for.
            waiting = list(self._drains)
            self._hold()
            stop = self._attempt()
            if stop.kind != "retry":
                self._failures = 0
            if stop.kind != "retry":
                for done in waiting:
                    done.put(None)
            self._pause(stop, waiting)
        self._sender.close()

    def _hold(self) -> None:
        deadline = time.monotonic() + HOLD_S
        while not self.may_send() and not self._is_stopped and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        self.may_send = lambda: True

    def _attempt(self) -> Stop:
        try:
            return self._sender.send_all()
        except Exception as error:
            self._teller.once("spool read", f"the spool cannot be read: {words_of(error)}")
            return Stop("retry")

    def _pause(self, stop: Stop, told: list[queue.SimpleQueue[None]]) -> None:
        if stop.kind == "empty":
            self._sleep(None)
            return
        self._forget_wakes()
        self._is_paused = True
        if stop.kind == "hold":
            # Whoever began to wait meanwhile is told after one more try.
            is_awaited = any(done not in told for done in list(self._drains))
            self._sleep(0 if is_awaited else BACKOFF_MAX_S * (0.5 + random.random() / 2))
        else:
            self._failures += 1
            self._must_wait = stop.after_s > 0
            max_s = BACKOFF_DRAIN_S if self._drains else BACKOFF_MAX_S
            self._sleep(max(stop.after_s, backoff(self._failures, max_s)))
        self._is_paused = False
        self._must_wait = False

    def _forget_wakes(self) -> None:
        while not self._wake.empty():
            self._wake.get_nowait()

    def _sleep(self, limit_s: Optional[float]) -> None:
        with suppress(queue.Empty):
            self._wake.get(timeout=limit_s)
