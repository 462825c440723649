"""Has hashed and profiled in the background what is recorded with its digest."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from ..lifetime import forget, remember
from ..say import Teller, words_of

if TYPE_CHECKING:
    from .hash_path import PathContent
    from .hash_process import HashProcess

Json = dict[str, Any]

#: A process that has nothing to do ends after this time; the next path starts another.
_IDLE_S = 30.0
#: Processes that may die under their work before the thread hashes by itself.
_DEATHS_MAX = 3
#: Seconds for a profile, and for reading tensors.
PROFILE_S = 300.0
TENSORS_S = 120.0


class Finding(NamedTuple):
    """What became known of a path."""

    content: Optional[PathContent] = None
    tensors_finite: Optional[bool] = None
    #: As `artifact.assessed` takes it.
    profile: Optional[Json] = None
    #: Usual name of a data set's columns, or their names.
    schema: Optional[str] = None
    #: What a profile names to prove that it is of what was hashed.
    stamp: Optional[list[Any]] = None


class _Job(NamedTuple):
    what: str
    request: Json
    #: Records the subject with what was found, nothing of which may be there.
    record: Callable[[Finding], object]
    done: queue.SimpleQueue[None]


class Hashing:
    """Paths are worked off in order, profiles in an order of their own, so that no checkpoint waits behind a data set.

    Nothing is imported, no thread and no process started, before the first path.
    """

    def __init__(self, teller: Teller, cache: Optional[str] = None) -> None:
        """`cache` is the file of digests that are known."""
        self._teller = teller
        self._cache = cache
        #: Not recorded yet, in order.
        self._open: list[_Job] = []
        #: By identity; whoever takes a job out of here records its subject, so that it is recorded once.
        self._pending: dict[int, _Job] = {}
        self._lanes = {"content": _Lane(self._settle), "profile": _Lane(self._settle)}
        self._is_over = False

    def add(
        self,
        path: str,
        record: Callable[[Finding], object],
        *,
        files: Optional[list[str]] = None,
        fresh: bool = False,
        tensors: bool = False,
    ) -> None:
        """Hashes a file or folder, or some files of a folder; `fresh`: not by what is known of it from before."""
        more = {"fresh": fresh, "tensors": tensors, "cache": self._cache, "limit_s": TENSORS_S}
        self._put("content", path, files, more, record)

    def add_profile(
        self,
        path: str,
        record: Callable[[Finding], object],
        *,
        files: Optional[list[str]] = None,
        stamp: Optional[list[Any]] = None,
        tokenizer: Optional[str] = None,
    ) -> None:
        """Profiles a data set; `stamp` is of what was hashed."""
        # Installed packages are looked for where the training finds them, but not in its working folder.
        places = [place for place in sys.path if place and os.path.isabs(place)]
        more = {"stamp": stamp, "tokenizer": tokenizer, "limit_s": PROFILE_S, "import_from": places}
        self._put("profile", path, files, more, record)

    def wait(self, limit_s: float) -> bool:
        """Waits until all is recorded; False where the time is too short."""
        deadline = time.monotonic() + limit_s
        while self._open and time.monotonic() < deadline:
            # The first one may settle the others; those that come meanwhile are waited for too.
            with suppress(queue.Empty, IndexError):
                self._open[0].done.get(timeout=max(0.0, min(1.0, deadline - time.monotonic())))
        return not self._open

    def finish(self, limit_s: float) -> None:
        """Waits until all is hashed; what is not by then is recorded without a digest."""
        self.wait(limit_s)
        self._end(TimeoutError("there was no time left"), 0.5)
        forget(self)

    def rescue(self) -> None:
        """The interpreter exits: nobody waits for a digest any more."""
        with suppress(Exception):
            self._end(TimeoutError("the process ended"), 0.0)

    def disown(self) -> None:
        self._is_over = True
        for lane in self._lanes.values():
            lane.disown()

    def _put(
        self, kind: str, path: str, files: Optional[list[str]], more: Json, record: Callable[[Finding], object]
    ) -> None:
        # Not on the thread: a fork in the middle of an import leaves the child half a module.
        from . import hash_process, hash_worker  # noqa: F401

        request = {"kind": kind, "path": os.path.abspath(path), "files": files, **more}
        job = _Job(path, request, record, queue.SimpleQueue())
        self._open.append(job)
        self._pending[id(job)] = job
        remember(self)
        if self._is_over or not self._lanes[kind].put(job):
            self._settle(job, None, "there was nobody left to do it")

    def _end(self, reason: Exception, patience_s: float) -> None:
        self._is_over = True
        for job in list(self._pending.values()):
            self._settle(job, None, str(reason))
        for lane in self._lanes.values():
            lane.end(patience_s)

    def _settle(self, job: _Job, reply: Optional[Json], fault: str = "") -> None:
        """Records what a job was about, once, with what there is of an answer."""
        if self._pending.pop(id(job), None) is None:
            return
        try:
            finding = _read(reply) if reply is not None else Finding()
            self._tell(job, finding, [fault] if reply is None else reply["notes"])
            job.record(finding)
        except Exception as error:
            self._teller.once("fault", f"{job.what} could not be recorded: {words_of(error)}")
        finally:
            self._open.remove(job)
            job.done.put(None)

    def _tell(self, job: _Job, finding: Finding, notes: list[str]) -> None:
        if not notes:
            return
        kind = job.request["kind"]
        lacking = "a digest" if kind == "content" and finding.content is None else "a profile"
        is_there = finding.content is not None or finding.profile is not None
        how = job.what if is_there else f"{job.what} is recorded without {lacking}"
        self._teller.once(f"{kind} {job.what}", f"{how}: {'; '.join(notes)}")


def _read(reply: Json) -> Finding:
    from .hash_worker import content_of

    return Finding(content_of(reply), reply["tensors_finite"], reply["profile"], reply["schema"], reply["stamp"])


class _Lane:
    """A daemon thread, started at its first job, and the process that does its jobs in order."""

    def __init__(self, settle: Callable[..., None]) -> None:
        self._settle = settle
        self._jobs: queue.SimpleQueue[Optional[_Job]] = queue.SimpleQueue()
        self._is_started = False
        self._is_over = False
        self._process: Optional[HashProcess] = None
        self._deaths = 0

    def put(self, job: _Job) -> bool:
        """False where there is no thread to be had."""
        if not self._is_started:
            try:
                threading.Thread(target=self._loop, name="runseal-hashing", daemon=True).start()
            except RuntimeError:
                if threading.main_thread().is_alive():
                    return False
                # The interpreter exits and gives no threads any more; there is no training either that could be held up.
                self._settle(job, *self._work(job.request))
                return True
            self._is_started = True
        self._jobs.put(job)
        return True

    def end(self, patience_s: float) -> None:
        self._is_over = True
        self._jobs.put(None)
        process = self._process
        if process is not None:
            process.end(patience_s)

    def disown(self) -> None:
        self._is_over = True
        if self._process is not None:
            self._process.forget()

    def _loop(self) -> None:
        # What ends a process that writes to nobody would end the training; held back, it is an error like any other.
        with suppress(AttributeError, ValueError, OSError):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
        while not self._is_over:
            try:
                job = self._jobs.get(timeout=None if self._process is None else _IDLE_S)
            except queue.Empty:
                self._end_idle()
                continue
            if job is None:
                return
            reply, fault = self._work(job.request)
            self._settle(job, reply, fault)

    def _work(self, request: Json) -> tuple[Optional[Json], str]:
        """The answer, or why there is none."""
        from .hash_process import HashProcess, ProcessEnded
        from .hash_worker import answer

        fault = "too many processes for it have ended"
        try:
            if self._deaths < _DEATHS_MAX:
                if self._process is None:
                    self._process = HashProcess()
                return self._process.ask(request), ""
        except ProcessEnded as error:
            fault = str(error)
        except Exception as error:
            fault = f"no process can be started for it: {words_of(error)}"
        self._process = None
        self._deaths += 1
        if self._is_over:
            return None, fault
        if request["kind"] != "content":
            return None, fault
        # Digests are worth some of the training's own time; reading every row or tensor is not.
        self._step_back()
        return answer({**request, "tensors": False}), ""

    def _step_back(self) -> None:
        if sys.platform == "linux":
            # There a thread has a priority of its own.
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)

    def _end_idle(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(1.0)
