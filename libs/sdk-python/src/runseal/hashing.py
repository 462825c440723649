"""Hashes in the background what is recorded with its digest."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from contextlib import suppress
from typing import Callable, NamedTuple, Optional

from .hash_path import PathContent, hash_path
from .say import Teller, words_of


class _Job(NamedTuple):
    path: str
    #: Records the subject: with what lies at its path, or without a digest.
    record: Callable[[Optional[PathContent]], object]
    done: queue.SimpleQueue[None]


class Hashing:
    """One daemon thread of the lowest priority, started at the first path, works off paths in order."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._jobs: queue.SimpleQueue[Optional[_Job]] = queue.SimpleQueue()
        #: Not recorded yet, in order.
        self._open: list[_Job] = []
        #: By identity; whoever takes a job out of here records its subject, so that it is recorded once.
        self._pending: dict[int, _Job] = {}
        self._is_started = False

    def add(self, path: str, record: Callable[[Optional[PathContent]], object]) -> None:
        # Not on the thread: a fork in the middle of an import leaves the child half a module.
        import hashlib  # noqa: F401

        job = _Job(path, record, queue.SimpleQueue())
        self._open.append(job)
        self._pending[id(job)] = job
        self._jobs.put(job)
        if self._is_started:
            return
        try:
            threading.Thread(target=self._loop, name="runseal-hashing", daemon=True).start()
            self._is_started = True
        except RuntimeError as error:
            self._give_up(job, error)

    def finish(self, limit_s: float) -> None:
        """Waits until all is hashed; what is not by then is recorded without a digest."""
        deadline = time.monotonic() + limit_s
        for job in list(self._open):
            with suppress(queue.Empty):
                job.done.get(timeout=max(0.0, deadline - time.monotonic()))
        for job in list(self._pending.values()):
            self._give_up(job, TimeoutError("there was no time left to hash it"))
        self._jobs.put(None)

    def _loop(self) -> None:
        if sys.platform == "linux":
            # There a thread has a priority of its own.
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        while (job := self._jobs.get()) is not None:
            if id(job) not in self._pending:
                continue
            try:
                content = hash_path(job.path)
            except Exception as error:
                self._give_up(job, error)
            else:
                self._record(job, content)

    def _give_up(self, job: _Job, error: Exception) -> None:
        self._teller.once(f"hash {job.path}", f"{job.path} is recorded without a digest: {words_of(error)}")
        self._record(job, None)

    def _record(self, job: _Job, content: Optional[PathContent]) -> None:
        if self._pending.pop(id(job), None) is None:
            return
        try:
            job.record(content)
        except Exception as error:
            self._teller.once("fault", f"{job.path} could not be recorded: {words_of(error)}")
        finally:
            self._open.remove(job)
            job.done.put(None)
