"""The process that hashes and profiles, as its parent sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import IO, Any, Optional

Json = dict[str, Any]

#: Isolated, and without the site's packages: no hook that the training installs runs in it.
_FLAGS = ("-I", "-S")
_START = "import sys; sys.path.insert(0, sys.argv[1]); from runseal.files.hash_worker import main; main()"
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class ProcessEnded(Exception):
    """The process ended before it had answered."""


class HashProcess:
    """Started anew rather than forked: it shares neither locks nor a GPU's state with the training."""

    def __init__(self) -> None:
        """Raises OSError, ValueError or RuntimeError where no process can be started."""
        if not sys.executable:
            raise OSError("where Python lies is not known")
        self._process = subprocess.Popen(
            [sys.executable, *_FLAGS, "-c", _START, _PACKAGES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Raw, so that no lock of a buffer is held when the training forks.
            bufsize=0,
            # Spawned where the system can: a fork of the training beside it would hold up this thread, and a process of
            # many gigabytes is not copied. The new process itself closes what it should not have.
            close_fds=os.name != "posix",
        )
        self._rest = b""
        self._is_asking = False
        self._is_ended = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Json) -> Json:
        """Waits for the answer, however long it takes. Raises ProcessEnded."""
        self._is_asking = True
        try:
            self._send(json.dumps(request).encode() + b"\n")
            reply: Json = json.loads(self._receive())
        except (OSError, ValueError) as error:
            self.end(0.0)
            raise ProcessEnded(self._words_of_end()) from error
        finally:
            self._is_asking = False
            if self._is_ended:
                _close(self._process.stdout)
        return reply

    def end(self, patience_s: float) -> None:
        """Ends the process; what it works at is lost."""
        process = self._process
        self._is_ended = True
        # The sign for it to go.
        _close(process.stdin)
        for patience in (patience_s, 1.0):
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                break
            with suppress(OSError):
                process.kill()
        # Not under the hands of a thread that waits for an answer.
        if not self._is_asking:
            _close(process.stdout)

    def forget(self) -> None:
        """In a forked child: closes its copies of the pipes, so that the process still sees when the parent is gone."""
        _close(self._process.stdin)
        _close(self._process.stdout)
        # It is no child of this process.
        self._process.returncode = 0

    def _send(self, data: bytes) -> None:
        pipe = self._process.stdin
        while data and pipe is not None:
            data = data[pipe.write(data) :]

    def _receive(self) -> bytes:
        pipe = self._process.stdout
        while b"\n" not in self._rest:
            data = pipe.read(65_536) if pipe is not None else b""
            if not data:
                raise OSError("its answer ends too soon")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _words_of_end(self) -> str:
        code = self._process.returncode
        return (
            f"the process for it ended with {code}"
            if code is None or code >= 0
            else f"signal {-code} ended the process for it"
        )


def _close(pipe: Optional[IO[bytes]]) -> None:
    with suppress(OSError):
        if pipe is not None:
            pipe.close()
