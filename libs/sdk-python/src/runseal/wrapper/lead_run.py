"""What a wrapper must know and do about its run beyond what a trainer does."""

from __future__ import annotations

from typing import Callable, Optional

from ..delivery.delivery import Delivery
from ..recording.run import Run


class LeadRun:
    """The run of a process that starts and ends it while others record into it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._recorder = run._recorder

    @property
    def is_recorded(self) -> bool:
        return self._recorder is not None

    @property
    def folder(self) -> Optional[str]:
        """This producer's folder in the spool."""
        return self._recorder.folder if self._recorder is not None else None

    @property
    def delivery(self) -> Delivery:
        return self.run._delivery()

    @property
    def accepted(self) -> int:
        """Events of this producer so far."""
        return self._recorder._spool.count if self._recorder is not None else 0

    def refuse_logs(self, count: int) -> None:
        """Counts pieces of logs that could not even be made an event of."""
        if self._recorder is not None:
            self._recorder.refuse("logs", count)

    def end_in(self, attempt: str) -> None:
        """The end will be this attempt's."""
        self.run.attempt = attempt
        if self._recorder is not None:
            self._recorder.attempt = attempt

    def wait_for_hashes(self, is_hurried: Callable[[], bool]) -> None:
        """Until all is hashed that was asked for, however long that takes; what is not when somebody is in a hurry is recorded
        without a digest."""
        while not is_hurried() and not self.run._hashing.wait(0.2):
            pass

    def has_waited(self, seconds: float) -> None:
        """So much of the time that the delivery may take at the end is over."""
        self.run._drain_s = max(1.0, self.run._drain_s - seconds)
