"""What `runseal run` and the training processes below it tell each other: small files in a private folder of theirs.

The wrapper starts the run and its first attempt and seals the end. Who records the training in a child joins that attempt
with a producer of its own, and leaves here how many events it counted and how the training ended.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, NamedTuple, Optional

from ..environment import Environment
from ..events.payloads import Json
from ..ids import is_uuid
from ..spool.layout import start_of, write_whole

_PHASES = frozenset(["load", "train", "eval", "save", "hash"])


class Left(NamedTuple):
    """What one producer of a child left; every member but the first two is None where it did not come so far."""

    producer: str
    #: Its folder in the spool.
    folder: str
    #: The attempt that it recorded.
    attempt: Optional[str] = None
    #: Events that it counted, at its end.
    counted: Optional[int] = None
    #: `run.finished` or `run.failed`.
    ending: Optional[str] = None
    #: Members of the ending's payload.
    facts: Optional[Json] = None


class Wrapped:
    """Nothing here raises: a folder that is not there (another host's) or not writable costs what would have been told."""

    def __init__(self, folder: str, attempt: str) -> None:
        self.folder = folder
        #: The attempt that the wrapper started.
        self.attempt = attempt

    def claim(self, by: str) -> bool:
        """True for the first who asks: the attempt is its to record. A second training process starts one of its own."""
        try:
            with open(os.path.join(self.folder, "claimed"), "x", encoding="utf-8") as file:
                file.write(by)
        except FileExistsError:
            return False
        except OSError:
            return True
        return True

    @property
    def is_claimed(self) -> bool:
        return os.path.exists(os.path.join(self.folder, "claimed"))

    def parameters(self) -> Json:
        """What the configuration says that the wrapper has read, secrets masked; empty where there is none."""
        return _read(os.path.join(self.folder, "parameters.json")) or {}

    def leave_parameters(self, parameters: Json) -> None:
        self._write("parameters.json", json.dumps(parameters, default=str))

    def stated(self) -> Json:
        """What a person stated of the inputs, by kind."""
        return _read(os.path.join(self.folder, "stated.json")) or {}

    def leave_stated(self, stated: Json) -> None:
        self._write("stated.json", json.dumps(stated))

    def take(self, what: str) -> None:
        """The wrapper records this itself, since it knows it from the command: `config` or `datasets`."""
        self._write(f"{what}.taken", "")

    def has_taken(self, what: str) -> bool:
        return os.path.exists(os.path.join(self.folder, f"{what}.taken"))

    def tell_leader(self) -> None:
        """This process is the wrapper."""
        pid = os.getpid()
        self._write("leader.json", json.dumps({"pid": pid, "started": start_of(pid), "pids": _space_of_pids()}))

    @property
    def is_orphaned(self) -> bool:
        """Whether the wrapper is known to be dead: what it would have done at the end is the training's own to do. False where
        nothing is known of it, as below a container."""
        leader = _read(os.path.join(self.folder, "leader.json")) or {}
        pid, started, pids = leader.get("pid"), leader.get("started"), leader.get("pids")
        if not isinstance(pid, int) or started is None or pids is None or pids != _space_of_pids():
            return False
        return bool(start_of(pid) != started)

    def has_begun(self) -> bool:
        """Whether the server has the attempt, or nobody is there any more who would tell."""
        return os.path.exists(os.path.join(self.folder, "begun")) or not os.path.isdir(self.folder)

    def tell_begun(self) -> None:
        self._write("begun", "")

    def tell_phase(self, phase: str) -> None:
        """What the training does: load, train, eval, save or hash. For the heartbeats; costs one small file."""
        if phase in _PHASES:
            self._write("phase", phase)

    @property
    def phase(self) -> Optional[str]:
        with suppress(OSError), open(os.path.join(self.folder, "phase"), encoding="utf-8") as file:
            phase = file.read()
            return phase if phase in _PHASES else None
        return None

    def request_stop(self) -> None:
        self._write("stop", "")

    @property
    def wants_stop(self) -> bool:
        """Whether the server asked for an end and the user lets it: the training should stop at its next step."""
        return os.path.exists(os.path.join(self.folder, "stop"))

    def leave(self, left: Left) -> None:
        self._write(f"{left.producer}.producer", json.dumps(left._asdict(), default=str))

    def read_left(self) -> list[Left]:
        """What the children's producers left so far, the first first."""
        found: list[tuple[float, Left]] = []
        with suppress(OSError):
            for entry in os.scandir(self.folder):
                told = _read(entry.path) if entry.name.endswith(".producer") else None
                if told is None or not is_uuid(str(told.get("producer"))):
                    continue
                with suppress(TypeError, OSError):
                    found.append((entry.stat().st_mtime, Left(**told)))
        return [left for _, left in sorted(found, key=lambda one: one[0])]

    def _write(self, name: str, text: str) -> None:
        with suppress(OSError, ValueError):
            write_whole(os.path.join(self.folder, name), text.encode(errors="replace"))


def find_wrapped(environment: Environment) -> Optional[Wrapped]:
    """The wrapper above this process, None where there is none."""
    run, attempt, folder = environment.run_id, environment.attempt_id, environment.wrapper_dir
    if run is None or attempt is None or folder is None or not is_uuid(attempt):
        return None
    return Wrapped(folder, attempt)


def _space_of_pids() -> Optional[str]:
    """In which space process ids are counted here; None where the system does not tell."""
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return None


def _read(path: str) -> Optional[dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
