"""Passes on what a command prints, unchanged and at once, and records it in chunks: the digest is sealed, the text without
secrets is kept beside the spool."""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from typing import Callable, Optional

from ..events.masking import MASK, mask_text
from ..events.payloads import Json
from ..spool.kept_text import keep_text

CHUNK_BYTES = 64 * 1024
CHUNK_S = 5.0
#: What waits to be recorded; what comes beyond that is passed on and counted as not recorded.
WAITING_BYTES_MAX = 16 * 1024 * 1024
#: A process that outlives the command and holds its outputs open is waited for no longer than this after the last word.
_QUIET_S = 1.0
_LINGER_S = 10.0
_KEY_BEGINS = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----")

#: Records an event of this payload; False where it was not accepted.
Record = Callable[[Json], object]


class Chunker:
    """Cuts one output into chunks of whole lines, so that no secret is cut in two. Not thread-safe."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._chunk = 0
        self._held = b""
        self._since: Optional[float] = None
        self._is_in_key = False

    def add(self, data: bytes, now: float) -> list[Json]:
        """Chunks that are full by now: `{"source", "chunk", "text", "lines", "masked"}`."""
        self._since = now if self._since is None else self._since
        self._held += data
        made = []
        while len(self._held) >= CHUNK_BYTES:
            made.append(self._cut(_end_of_lines(self._held[:CHUNK_BYTES]) or CHUNK_BYTES))
            self._since = now
        return made + self.due(now)

    def due(self, now: float) -> list[Json]:
        """The whole lines that have waited for long enough."""
        end = _end_of_lines(self._held)
        if self._since is None or now - self._since < CHUNK_S or end == 0:
            return []
        made = [self._cut(end)]
        self._since = now if self._held else None
        return made

    def rest(self) -> list[Json]:
        return [self._cut(len(self._held))] if self._held else []

    def _cut(self, end: int) -> Json:
        data, self._held = self._held[:end], self._held[end:]
        text = data.decode("utf-8", errors="replace")
        clean = mask_text(self._without_key(text))
        chunk = self._chunk
        self._chunk += 1
        masked = max(0, clean.count(MASK) - text.count(MASK))
        return {"source": self.source, "chunk": chunk, "text": clean, "lines": data.count(b"\n"), "masked": masked}

    def _without_key(self, text: str) -> str:
        """A private key has many lines, and chunks may end between them."""
        before = ""
        if self._is_in_key:
            ends = _KEY_ENDS.search(text)
            if ends is None:
                return f"{MASK}\n"
            before, text = MASK, text[ends.end() :]
            self._is_in_key = False
        begins = [found.end() for found in _KEY_BEGINS.finditer(text)]
        self._is_in_key = bool(begins) and _KEY_ENDS.search(text, begins[-1]) is None
        return before + text


class LogCapture:
    """Two threads read and pass on, a third masks and records: whatever the disk or the masking takes, the command never
    waits for it."""

    def __init__(self, record: Record, refuse: Callable[[int], object], spool_dir: str, limit_bytes: float) -> None:
        """`record` takes a run.log-captured without its attempt; `refuse` counts chunks that nobody recorded; `limit_bytes`
        is what the texts of this run may take on disk."""
        self._record = record
        self._refuse = refuse
        self._spool_dir = spool_dir
        self._limit = limit_bytes
        self._queue: queue.SimpleQueue[Optional[tuple[str, bytes]]] = queue.SimpleQueue()
        self._waiting = 0
        self._lost = 0
        self._lock = threading.Lock()
        self._last_word = time.monotonic()
        self._readers: list[threading.Thread] = []
        self._recorder = threading.Thread(target=self._record_all, name="runseal-logs", daemon=True)

    def start(self, stdout: int, stderr: int) -> None:
        """Raises RuntimeError where the system gives no thread."""
        for source, handle, to in (("stdout", stdout, 1), ("stderr", stderr, 2)):
            reader = threading.Thread(
                target=self._pass_on, args=(source, handle, to), name=f"runseal-{source}", daemon=True
            )
            reader.start()
            self._readers.append(reader)
        self._recorder.start()

    def finish(self) -> bool:
        """After the command's end: reads what is left, and records it. False where a process that the command left behind
        still holds its outputs open."""
        deadline = time.monotonic() + _LINGER_S
        for reader in self._readers:
            while reader.is_alive() and time.monotonic() < deadline:
                reader.join(0.05)
                if time.monotonic() - self._last_word > _QUIET_S:
                    break
        self._queue.put(None)
        self._recorder.join(30.0)
        return not any(reader.is_alive() for reader in self._readers)

    def _pass_on(self, source: str, handle: int, to: int) -> None:
        is_open = True
        while True:
            try:
                data = os.read(handle, CHUNK_BYTES)
            except OSError:
                return
            if not data:
                return
            self._last_word = time.monotonic()
            if is_open:
                is_open = _write(to, data)
            with self._lock:
                fits = self._waiting + len(data) <= WAITING_BYTES_MAX
                self._waiting += len(data) if fits else 0
                self._lost += 0 if fits else len(data)
            if fits:
                self._queue.put((source, data))

    def _record_all(self) -> None:
        chunkers = {source: Chunker(source) for source in ("stdout", "stderr")}
        while True:
            made: list[Json] = []
            try:
                entry = self._queue.get(timeout=1.0)
                if entry is None:
                    break
                source, data = entry
                with self._lock:
                    self._waiting -= len(data)
                made = chunkers[source].add(data, time.monotonic())
            except queue.Empty:
                for one in chunkers.values():
                    made += one.due(time.monotonic())
            self._keep(made)
        self._keep([chunk for one in chunkers.values() for chunk in one.rest()])
        self._count_lost()

    def _keep(self, chunks: list[Json]) -> None:
        for chunk in chunks:
            try:
                self._keep_one(chunk)
            except Exception:
                # Counted, and so declared in the ledger.
                with self._lock:
                    self._lost += 1
        if chunks:
            self._count_lost()

    def _keep_one(self, chunk: Json) -> None:
        text = chunk.pop("text")
        size = len(text.encode(errors="replace"))
        location = None
        if size <= self._limit:
            kept = keep_text(self._spool_dir, text, ".log")
            digest, location = kept.digest, kept.path
            self._limit -= size if location else 0
        else:
            import hashlib

            digest = f"sha256:{hashlib.sha256(text.encode(errors='replace')).hexdigest()}"
        self._record({**chunk, "digest": digest, "size_bytes": size, "location": location})

    def _count_lost(self) -> None:
        with self._lock:
            lost, self._lost = self._lost, 0
        if lost:
            self._refuse(-(-lost // CHUNK_BYTES))


def _end_of_lines(data: bytes) -> int:
    """Where the last whole line ends; a progress bar's carriage return ends one too."""
    return max(data.rfind(b"\n"), data.rfind(b"\r")) + 1


def _write(to: int, data: bytes) -> bool:
    """False where nobody reads any more: the command goes on, its words are recorded only."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(to, rest) :]
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True
