"""Passes on what a command prints where `runseal run` can no longer do so: killed, or done while a process that the command left
behind still prints. Without it the next print of the training would end it.

It is a process of its own, run by its path without the package: it holds the reading ends of the command's outputs and waits for
the end of a pipe whose other end `runseal run` alone holds.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from typing import Optional

_NOT_NEEDED = b"."
_BYTES = 64 * 1024


class StandIn:
    """Seen from `runseal run`. Where it cannot be started, `start` raises OSError and nothing else is different."""

    def __init__(self, stdout: int, stderr: int) -> None:
        """Descriptors of the command's outputs."""
        self._outputs = (stdout, stderr)
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._line: Optional[int] = None

    def start(self) -> None:
        if os.name != "posix":
            return
        reading, self._line = os.pipe()
        passed = (*self._outputs, reading)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", os.path.abspath(__file__), *map(str, passed)],
                stdin=subprocess.DEVNULL,
                pass_fds=passed,
                start_new_session=True,
            )
        finally:
            os.close(reading)

    def release(self, is_all_read: bool) -> None:
        """The command has ended. Where all that it printed is read, nobody is needed any more; else the rest is its to pass on."""
        line, self._line = self._line, None
        if self._process is None or line is None:
            return
        if not is_all_read:
            # It notices that this process is gone, which no Popen waits for then.
            self._process.returncode = 0
            return
        try:
            os.write(line, _NOT_NEEDED)
            os.close(line)
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()


def main(stdout: int, stderr: int, line: int) -> None:
    if os.read(line, 1) == _NOT_NEEDED:
        return
    with selectors.DefaultSelector() as waiting:
        waiting.register(stdout, selectors.EVENT_READ, 1)
        waiting.register(stderr, selectors.EVENT_READ, 2)
        while waiting.get_map():
            for key, _ in waiting.select():
                data = os.read(key.fd, _BYTES)
                if not data:
                    waiting.unregister(key.fd)
                _pass_on(key.data, data)


def _pass_on(to: int, data: bytes) -> None:
    """Whether anybody reads it or not: what matters is that the pipe is read."""
    try:
        while data:
            data = data[os.write(to, data) :]
    except OSError:
        return


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
