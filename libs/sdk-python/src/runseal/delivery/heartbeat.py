"""Tells the server that a run is alive. Not an event: a server that misses it for long enough takes the run for lost."""

from __future__ import annotations

import json
import threading
from typing import Callable, Optional

from ..events.payloads import Json
from ..say import Teller
from .door import Door

#: Until the server tells its lease.
LEASE_S = 30.0
#: Until a run that was just started is known.
_UNKNOWN_S = 2.0


class Heartbeat:
    """A daemon thread: nobody waits for it. Who knows better what the run does, or what to do about a stop, says so later."""

    def __init__(self, door: Door, run: str, pulse: Callable[[], Json], on_stop: Callable[[], object], teller: Teller):
        """`pulse` gives `{"attempt", "phase"}`; `on_stop` is called once when the server asks for an end."""
        self.pulse = pulse
        self.on_stop = on_stop
        #: Asked before each: where somebody else keeps the run alive, this one waits.
        self.is_due: Callable[[], bool] = lambda: True
        self._door = door
        self._path = f"/v1/runs/{run}/heartbeat"
        self._teller = teller
        self._is_asked = False
        self._ended = threading.Event()

    def start(self) -> None:
        try:
            threading.Thread(target=self._loop, name="runseal-heartbeat", daemon=True).start()
        except RuntimeError as error:
            self._teller.once("heartbeat", f"no heartbeats ({error}): the server may take the run for lost")

    def stop(self) -> None:
        self._ended.set()

    def _loop(self) -> None:
        pause_s: Optional[float] = 0.5
        while pause_s is not None and not self._ended.wait(pause_s):
            pause_s = self._beat() if self.is_due() else LEASE_S / 3
        self._door.close()

    def _beat(self) -> Optional[float]:
        """Seconds until the next one; None: there is no sense in another."""
        status, answer = self._door.ask(self._path, json.dumps(self.pulse()).encode())
        if status == 404:
            # What is sealed is known a moment later; without that code it is an older server.
            return _UNKNOWN_S if answer.get("code") == "run_unknown" else None
        if status != 200:
            return LEASE_S / 3
        self._tell(answer)
        if answer.get("stop") is True and not self._is_asked:
            self._is_asked = True
            self.on_stop()
        lease = answer.get("lease_s")
        is_number = isinstance(lease, (int, float)) and not isinstance(lease, bool)
        return min(max(float(lease) / 3, 0.5), 60.0) if is_number else LEASE_S / 3  # type: ignore[arg-type]

    def _tell(self, answer: Json) -> None:
        alerts = answer.get("alerts")
        for alert in alerts if isinstance(alerts, list) else []:
            if isinstance(alert, dict):
                words = alert.get("words") or alert.get("explanation") or alert.get("message") or alert.get("rule")
                self._teller.once(f"alert {alert.get('id') or words}", f"alert: {words}")
