"""How a run is held: its end, what it waits for, and that nothing raises into the training."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol, TypeVar, cast

from ..delivery.delivery import Delivery
from ..delivery.heartbeat import Heartbeat
from ..events.payloads import BLANK_ENDING, Json, describe_error, fill
from ..files.hash_cache import hash_cache_beside
from ..files.hashing import Hashing
from ..say import Teller, words_of
from .recorder import Recorder
from .wrapped import Left, Wrapped

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from ..events.facts import Ending, Failure

_WRAPPED_DRAIN_S = 2.0

Method = TypeVar("Method", bound=Callable[..., Any])
Result = TypeVar("Result")


def guarded(method: Method) -> Method:
    """The caller's mistakes and ours end here: recording never raises into the training."""

    @wraps(method)
    def call(self: RunLife, *args: Any, **options: Any) -> Any:
        if self._recorder is None or not self._is_open():
            return None
        return self._attempt(lambda: method(self, *args, **options))

    return cast(Method, call)


class Observer(Protocol):
    """Who follows what is recorded of a run. What it raises is told in a line."""

    def saw(self, event_type: str, payload: Json) -> None:
        """An event that the run records, before secrets are masked; an ending too."""

    def saw_row(self, kind: str, step: Any, values: Mapping[str, Any]) -> None:
        """A row of metrics."""

    def ending(self) -> None:
        """The run is about to end; what is recorded now still belongs to it."""

    def ended(self) -> None:
        """The end is recorded, and not yet delivered."""


class RunLife:
    def __init__(
        self,
        run: str,
        attempt: str,
        recorder: Optional[Recorder],
        teller: Teller,
        drain_s: float,
        command: str = "",
        wrapped: Optional[Wrapped] = None,
    ) -> None:
        """`recorder` is None where nothing is recorded; `command` sends what may be left at the end; below a wrapper, which
        seals the end itself, `wrapped` is where the end is left for it."""
        self.id = run
        self.attempt = attempt
        self._recorder = recorder
        self._teller = teller
        self._drain_s = drain_s
        self._command = command
        self._hashing = Hashing(teller, None if recorder is None else hash_cache_beside(recorder.folder))
        self._wrapped = wrapped
        self._others: Sequence[Json] = ()
        self._is_ended = False
        self.observer: Optional[Observer] = None
        #: None where there is no server to tell. Below a wrapper it waits until that is dead.
        self.heart: Optional[Heartbeat] = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.finish()
        elif isinstance(error, SystemExit):
            self.fail(error, exit_code=error.code if isinstance(error.code, int) else 1)
        elif isinstance(error, KeyboardInterrupt):
            self.fail(error, signal="SIGINT")
        else:
            self.fail(error)

    def tell_begin(self) -> None:
        """Tells a person which run is recorded, and where to."""
        url = self._recorder.url if self._recorder is not None else None
        self._teller.once("begun", f"recording run {self.id}" + ("" if url is None else f" to {url}"))

    def tell_end(self, state: str, spooled: int) -> None:
        """Tells a person what became of it; `spooled` of its events wait."""
        where = f"; {spooled} of its events wait in the spool"
        if not spooled:
            where = f", and the server has all of it: runseal show {self.id}"
        self._teller.once("end", f"run {self.id} {state}{where}")

    def flush(self, limit_s: Optional[float] = None) -> Delivery:
        """Waits until all accepted so far is delivered, at most `limit_s` (else as long as `finish` would)."""
        if self._recorder is not None and not self._recorder.is_disowned:
            self._recorder.flush_rows()
            self._recorder.drain(self._drain_s if limit_s is None else limit_s)
        return self._delivery()

    def wait_for_hashes(self, limit_s: float) -> bool:
        """Waits until all that is hashed in the background is recorded; False where that takes longer. The end of the run
        waits too, but no longer than for the delivery, which is not enough for a large model."""
        return bool(self._attempt(lambda: self._hashing.wait(limit_s)))

    def finish(self, **ending: Unpack[Ending]) -> Delivery:
        """Ends the run well, and waits until all is delivered, at most `drain_s`."""
        return self._end("run.finished", ending, {}, {})

    def fail(self, error: object, **ending: Unpack[Failure]) -> Delivery:
        """Ends a run that broke off, by an exception or a sentence that says why."""
        given = dict(ending)
        bare = {"error": describe_error(error), "exit_code": None, "signal": None}
        more = {**bare, "exit_code": given.pop("exit_code", None), "signal": given.pop("signal", None)}
        return self._end("run.failed", given, more, bare)

    def kill(self, reason: str, *, signal: Optional[str] = None, **ending: Unpack[Ending]) -> Delivery:
        """Ends a run whose process somebody or something else ended; `signal` is SIGKILL or its kind."""
        return self._end("run.killed", ending, {"reason": reason, "signal": signal}, {"reason": None, "signal": None})

    def count_too(self, others: Sequence[Json]) -> None:
        """Further producers of this run, `{"id", "count"}` each, that its end counts beside this one."""
        self._others = others

    def _end(self, event_type: str, given: Mapping[str, Any], more: Json, bare: Json) -> Delivery:
        """`more` are the members of this kind of ending, `bare` the same where they do not fit."""
        recorder = self._recorder
        if self._is_ended or recorder is None or not self._is_open():
            return self._delivery()
        deadline = time.monotonic() + self._drain_s
        unknown = sorted(set(given) - set(BLANK_ENDING))
        if unknown:
            self._teller.once("ending", f"an ending has no {', '.join(unknown)}: left out")
        try:
            if self.observer is not None:
                self._attempt(self.observer.ending)
            self._attempt(lambda: self._hashing.finish(self._drain_s))
            self._is_ended = True
            facts = self._attempt(
                lambda: fill(BLANK_ENDING, {name: given[name] for name in BLANK_ENDING if name in given})
            )
            payloads = [{**more, **(facts or BLANK_ENDING)}, {**more, **BLANK_ENDING}, {**bare, **BLANK_ENDING}]
            # An orphan seals its end itself: nobody is there any more who would.
            wrapped = None if self._wrapped is None or self._wrapped.is_orphaned else self._wrapped
            if wrapped is None:
                self._attempt(lambda: recorder.end(event_type, payloads, self._others))
            else:
                left = Left(recorder.producer, recorder.folder, self.attempt, recorder.count(), event_type, payloads[0])
                wrapped.leave(left)
            if self.observer is not None:
                self._observe(event_type, payloads[0])
                self._attempt(self.observer.ended)
            # A wrapper delivers what is left.
            limit_s = _WRAPPED_DRAIN_S if wrapped is not None else deadline - time.monotonic()
            self._attempt(lambda: recorder.drain(max(0.0, limit_s)))
            self._attempt(lambda: recorder.sync(max(0.1, deadline - time.monotonic())))
        finally:
            # Also where somebody loses patience and interrupts the wait.
            self._is_ended = True
            if self.heart is not None:
                self.heart.stop()
            self._attempt(self._tell_or_close)
        return self._delivery()

    def _observe(self, event_type: str, payload: Json) -> None:
        observer = self.observer
        if observer is not None:
            self._attempt(lambda: observer.saw(event_type, payload))

    def _tell_or_close(self) -> None:
        delivery = self._delivery()
        if delivery.complete and self._recorder is not None:
            self._recorder.close()
        elif self._command:
            left = f"{delivery.spooled} events are still spooled in {delivery.folder}"
            self._teller.once("spooled", f"{left}; to send them: {self._command}")

    def guard(self, what: str, work: Callable[[], Result]) -> Optional[Result]:
        """Finds out or records something beside the training: what goes wrong is told once by its name, and never raised."""
        try:
            return work()
        except Exception as error:
            self._teller.once(f"fault {what}", f"{what} could not be recorded: {words_of(error)}")
            return None

    def _attempt(self, work: Callable[[], Result]) -> Optional[Result]:
        return self.guard("something", work)

    def _delivery(self) -> Delivery:
        return Delivery(True, 0, 0, None) if self._recorder is None else self._recorder.delivery()

    def _is_open(self) -> bool:
        if self._is_ended:
            self._teller.once("ended", "the run has ended: what is logged now is left out")
            return False
        if self._recorder is not None and self._recorder.is_disowned:
            self._teller.once("forked", "a forked child records nothing: the run is its parent's")
            return False
        return True
