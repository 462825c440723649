"""The daemon thread that does a run's work on the disk, and the queue that leads to it."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Optional, TypeVar, Union

from ..events.metrics import POINTS_MAX, Row

#: Rows that the queue takes; a disk that hangs for longer costs rows, counted, rather than memory.
ROWS_MAX = 20_000
#: Lifecycle work beyond that; a run has some dozens.
_JOBS_MAX = 10_000
#: Seconds that rows wait in memory for company.
GATHER_S = 5.0
#: How long a lifecycle call waits until its event is with the kernel; a disk that hangs costs this once.
_PATIENCE_S = 0.1

Result = TypeVar("Result")


class Writer:
    """Takes rows without waiting for anything, and jobs with a short wait for their result.

    Callers share with the thread only a deque and SimpleQueues, whose operations may interrupt themselves: a signal handler
    that logs cannot deadlock.
    """

    def __init__(
        self,
        take_row: Callable[[Row], object],
        flush: Callable[[], object],
        settle: Callable[[], object],
        complain: Callable[[Exception], object],
    ) -> None:
        """`take_row`, `flush` (rows to the spool) and `settle` (after a round of work) are called on the thread, under a lock;
        `complain` with whatever they or a job raise."""
        self._take_row = take_row
        self._flush = flush
        self._settle = settle
        self._complain = complain
        self._queue: deque[Union[Row, Callable[[], object]]] = deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._points = 0
        self._flush_at = time.monotonic() + GATHER_S
        self._lock = threading.Lock()
        #: Whether somebody waited in vain and nothing has been done since.
        self.is_stalled = False
        #: Without a thread (none to be had, or the interpreter exits) the callers work themselves.
        self._is_inline = False
        self._is_stopped = False

    def start(self) -> None:
        try:
            threading.Thread(target=self._loop, name="runseal-writer", daemon=True).start()
        except RuntimeError:
            self._is_inline = True

    @property
    def is_full(self) -> bool:
        """Whether only lifecycle work is taken."""
        return len(self._queue) >= ROWS_MAX

    def put_row(self, row: Row) -> bool:
        """False where the queue is full: the row is not taken."""
        if self.is_full:
            return False
        self._queue.append(row)
        self._points += len(row.values)
        if self._is_inline:
            self.work_here()
        elif self._points >= POINTS_MAX:
            self._points = 0
            self._wake.put(None)
        return True

    def do(self, job: Callable[[], Result], patience_s: float = _PATIENCE_S) -> Optional[Result]:
        """Has the thread do a job after all that was put before; its result, or None where that takes too long.

        Raises queue.Full where even lifecycle work has piled up.
        """
        if self._is_stopped:
            return None
        if len(self._queue) >= ROWS_MAX + _JOBS_MAX:
            raise queue.Full
        done: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._queue.append(lambda: self._attempt(job, done))
        if self._is_inline:
            self.work_here()
        else:
            self._wake.put(None)
        # Once the disk hangs, only those wait who ask for more patience than usual.
        if self.is_stalled and patience_s <= _PATIENCE_S and done.empty():
            return None
        try:
            return done.get(timeout=patience_s)
        except queue.Empty:
            self.is_stalled = not self._is_stopped
            return None

    def work_here(self) -> None:
        """Does what waits on the caller's thread. A thread that is stuck in the disk keeps the lock: then nothing is done."""
        if self._lock.acquire(timeout=GATHER_S):
            try:
                self._work()
                self._attempt(self._flush)
                self._attempt(self._settle)
            finally:
                self._lock.release()

    def go_inline(self) -> None:
        """The interpreter exits: the thread may be gone any moment, so callers work themselves from now on."""
        self._is_inline = True
        self.work_here()

    def stop(self) -> None:
        self._is_stopped = True
        self._wake.put(None)

    def _loop(self) -> None:
        while not self._is_stopped:
            with suppress(queue.Empty):
                self._wake.get(timeout=max(0.0, self._flush_at - time.monotonic()))
            with self._lock:
                self._work()
                if time.monotonic() >= self._flush_at:
                    self._attempt(self._flush)
                self._attempt(self._settle)

    def _work(self) -> None:
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, Row):
                self._attempt(partial(self._take_row, item))
            else:
                item()
        self.is_stalled = False

    def _attempt(self, work: Callable[[], object], done: Optional[queue.SimpleQueue[Any]] = None) -> None:
        """The thread outlives whatever its work meets."""
        result = None
        try:
            result = work()
        except Exception as error:
            self._complain(error)
        if done is not None:
            done.put(result)

    def flushed(self) -> None:
        """Rows have gone to the spool: the next ones may wait for company again."""
        self._flush_at = time.monotonic() + GATHER_S
