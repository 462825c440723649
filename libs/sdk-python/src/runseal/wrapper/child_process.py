"""The command that a wrapper starts: its signals, its end, and what ended it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NamedTuple, Optional

#: What a person or a scheduler sends to a wrapper for its command.
_FORWARDED = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT")
    if hasattr(signal, name)
)
_ASKS_TO_END = frozenset(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"])
#: By these a process ends itself: a fault of its own.
_CRASHES = frozenset(["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP"])


class Exit(NamedTuple):
    """How the command ended."""

    #: What the wrapper exits with: the command's code, 128 + n for a signal.
    code: int
    #: Name of the signal that ended it, as far as is known.
    signal: Optional[str] = None
    #: Whether something from outside ended it rather than its own fault.
    is_killed: bool = False
    #: In words; None where it ended well.
    why: Optional[str] = None


class Child:
    """Passes on signals from its start until `wait` is over."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Raises OSError where the command cannot be started."""
        self.forwarded: list[str] = []
        self._started: Optional[subprocess.Popen[bytes]] = None
        self._before: dict[int, Any] = {}
        # At a terminal the command stays in our process group, so that Ctrl-C and Ctrl-Z reach it as they would without us.
        self._is_at_terminal = _stands_in_front()
        self._oom_kills = count_oom_kills()
        self._catch_signals()
        try:
            self._process = subprocess.Popen(
                list(command),
                env=dict(environment),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=not self._is_at_terminal,
            )
        except BaseException:
            self.let_go()
            raise
        self._started = self._process
        # What came while it started.
        for name in list(self.forwarded):
            self._send(getattr(signal, name))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def outputs(self) -> tuple[int, int]:
        """Descriptors of stdout and stderr."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        return self._process.stdout.fileno(), self._process.stderr.fileno()

    def wait(self) -> Exit:
        code = self._process.wait()
        return explain_exit(code, self.forwarded, count_oom_kills() - self._oom_kills)

    def let_go(self) -> None:
        """Signals are the wrapper's own again."""
        for number, handler in self._before.items():
            with suppress(ValueError, TypeError):
                signal.signal(number, handler)

    def _catch_signals(self) -> None:
        for number in _FORWARDED:
            # What is ignored (nohup) stays so, for the command too.
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            # Outside of the main thread nobody may catch signals.
            with suppress(ValueError, OSError):
                self._before[number] = signal.signal(number, self._forward)

    def _forward(self, number: int, frame: Optional[FrameType]) -> None:
        self.forwarded.append(signal.Signals(number).name)
        self._send(number)

    def _send(self, number: int) -> None:
        if self._started is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            if not self._is_at_terminal:
                os.killpg(self._started.pid, number)
            elif number not in (signal.SIGINT, getattr(signal, "SIGQUIT", signal.SIGINT)):
                # The terminal sends those two to everybody in front of it.
                os.kill(self._started.pid, number)


def explain_exit(code: int, forwarded: Sequence[str], oom_kills: int) -> Exit:
    """What an exit code of `Popen` means: negative for a signal. Shells and launchers tell a signal as 128 + n."""
    name = _signal_name(-code if code < 0 else code - 128)
    told = -code + 128 if code < 0 else code
    if code == 0:
        asked = next((one for one in forwarded if one in _ASKS_TO_END), None)
        return Exit(0, asked, asked is not None, f"asked to end by {asked}, it ended with code 0" if asked else None)
    if name is None or (code > 0 and name in _CRASHES):
        if oom_kills > 0:
            return Exit(told, "SIGKILL", True, f"exit code {told}; the kernel killed a process for want of memory")
        asked = next((one for one in forwarded if one in _ASKS_TO_END), None)
        if asked is not None:
            return Exit(told, asked, True, f"asked to end by {asked}, it ended with code {told}")
        return Exit(told, None, False, f"exit code {told}")
    how = f"ended by {name}" if code < 0 else f"exit code {told}, which stands for {name}"
    if name == "SIGKILL" and oom_kills > 0:
        return Exit(told, name, True, f"{how}: the kernel killed it for want of memory")
    if name in forwarded:
        return Exit(told, name, True, f"{how}, which was sent to runseal run")
    return Exit(told, name, name not in _CRASHES, how)


def count_oom_kills() -> int:
    """How often the kernel has killed for want of memory in this process's control group; 0 where that is not told."""
    return max((_read_count(path) for path in _event_files()), default=0)


def _event_files() -> list[str]:
    with suppress(OSError), open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
        groups = [line.rstrip("\n").split(":", 2) for line in file]
        return [
            f"/sys/fs/cgroup{path}/memory.events" if not kinds else f"/sys/fs/cgroup/memory{path}/memory.oom_control"
            for _, kinds, path in groups
            if kinds in ("", "memory")
        ] + ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"]
    return []


def _read_count(path: str) -> int:
    with suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
        for line in file:
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def _signal_name(number: int) -> Optional[str]:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def _stands_in_front() -> bool:
    """Whether this process belongs to those that a terminal sends its keys to."""
    with suppress(OSError, AttributeError, ValueError):
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    return False


def start_failure(error: OSError) -> Exit:
    """A command that could not be started, as a shell tells it."""
    code = 127 if isinstance(error, FileNotFoundError) else 126
    return Exit(code, None, False, f"the command could not be started: {error.strerror or error}")
