"""Where a spool keeps what, and who owns a folder of it. The format is shared with the TypeScript client."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from typing import Any, NamedTuple, Optional

from ..ids import uuid4

#: A segment is closed before it grows beyond this size, a single larger event aside: what is read or deleted at once.
SEGMENT_BYTES = 1024 * 1024
#: Acknowledged segments stay this long, so that a server restored from a backup can be given them again.
KEPT_S = 7 * 24 * 3600

_SEGMENT = re.compile(r"(\d{1,15})\.seg\Z")
_PRODUCER = re.compile(r"[0-9a-f-]{36}\Z")
#: What a process of another host has not written for so long counts as its end.
_SILENCE_S = 600


class Meta(NamedTuple):
    #: Where these events may be sent; None: recorded without a server, the first delivery decides.
    url: Optional[str]
    #: Learned from the first receipt.
    ledger: Optional[str]


def segment_file(folder: str, number: int) -> str:
    return os.path.join(folder, f"{number}.seg")


def ack_file(folder: str, number: int) -> str:
    return os.path.join(folder, f"{number}.ack")


def list_segments(folder: str) -> list[int]:
    """Numbers of the folder's segments, ascending; an absent folder has none."""
    return sorted(int(found.group(1)) for found in map(_SEGMENT.match, _names(folder)) if found)


def list_producers(root: str) -> list[str]:
    """Folders of producers in a spool, by name; an absent spool has none."""
    names = sorted(name for name in _names(root) if _PRODUCER.match(name))
    return [name for name in names if os.path.isdir(os.path.join(root, name))]


def mark_done(folder: str, is_done: bool) -> None:
    """Marks that everything in the folder is settled and its producer has ended; False takes the mark away."""
    path = os.path.join(folder, "done")
    # An older mark stays: the 7 days count from when the last receipt came.
    if is_done and not os.path.exists(path):
        write_whole(path, b"")
    if not is_done:
        with suppress(FileNotFoundError):
            os.unlink(path)


def sweep_done(root: str, age_s: float = KEPT_S) -> int:
    """Deletes folders that have been marked as done for longer than `age_s`; returns the bytes freed."""
    freed = 0
    for producer in list_producers(root):
        folder = os.path.join(root, producer)
        done_at = modified_at(os.path.join(folder, "done"))
        if done_at is None or time.time() - done_at < age_s:
            continue
        freed += measure_folder(folder)
        delete_folder(folder)
    return freed


def delete_folder(folder: str) -> None:
    """Deletes a producer's folder with its files; what vanishes meanwhile is gone already."""
    for name in _names(folder):
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
    with suppress(FileNotFoundError):
        os.rmdir(folder)


def measure_spool(root: str) -> int:
    """Bytes of all files in all producers' folders. A file that vanishes meanwhile counts nothing."""
    return sum(measure_folder(os.path.join(root, producer)) for producer in list_producers(root))


def measure_folder(folder: str) -> int:
    return sum(size_of(os.path.join(folder, name)) for name in _names(folder))


def size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def modified_at(path: str) -> Optional[float]:
    """Seconds since 1970, None where there is no such file."""
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return None


def make_folder(path: str) -> None:
    """Makes a folder for its owner's eyes only, and those above it."""
    above = os.path.dirname(path)
    if above and not os.path.isdir(above):
        make_folder(above)
    with suppress(FileExistsError):
        os.mkdir(path, 0o700)


def write_whole(path: str, data: bytes) -> None:
    """Replaces the file as a whole: whoever reads it, or dies here, sees the old one or the new one."""
    beside = f"{path}.{uuid4()}.tmp"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            write_all(handle, data)
        finally:
            os.close(handle)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def append_whole(path: str, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        write_all(handle, data)
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """The kernel may take a part only, on a disk that is nearly full for example."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def read_meta(folder: str) -> Meta:
    with open(os.path.join(folder, "meta.json"), encoding="utf-8") as file:
        meta: Any = json.load(file)
    if meta["format"] != 1:
        raise ValueError(f"{folder}: found spool format {meta['format']}, wanted 1")
    return Meta(meta["url"], meta["ledger"])


def write_meta(folder: str, meta: Meta) -> None:
    text = json.dumps({"url": meta.url, "ledger": meta.ledger, "format": 1})
    write_whole(os.path.join(folder, "meta.json"), text.encode())


def write_owner(folder: str) -> None:
    """Marks the folder as this process's."""
    pid = os.getpid()
    owner = {"pid": pid, "host": _host_name(), "started": start_of(pid)}
    write_whole(os.path.join(folder, "owner.json"), json.dumps(owner).encode())


def has_live_owner(folder: str) -> bool:
    """Whether the process that fills the folder may still live.

    Of another host's process nothing is known but when it last wrote. A wrong guess costs nothing but events sent twice and
    sealed once.
    """
    try:
        with open(os.path.join(folder, "owner.json"), encoding="utf-8") as file:
            owner = json.load(file)
        pid, host, started = int(owner["pid"]), owner["host"], owner["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if host != _host_name():
        return time.time() - _newest_write(folder) < _SILENCE_S
    if pid != os.getpid() and not _is_running(pid):
        return False
    return started is None or bool(started == start_of(pid))


def _host_name() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _newest_write(folder: str) -> float:
    return max((modified_at(os.path.join(folder, name)) or 0 for name in _names(folder)), default=0)


def start_of(pid: int) -> Optional[str]:
    """Boot and start time of a process where the system tells them: a pid alone is given again. None for one that is dead, and for
    a dead one too that nobody has waited for yet, which in a container may be never."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            stat = file.read()
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            boot = file.read().strip()
    except OSError:
        return None
    # The program's name stands in parentheses and may hold spaces; behind it the state comes first, the start time 20th.
    fields = stat[stat.rindex(")") + 2 :].split(" ")
    return None if fields[0] in ("Z", "X") else f"{boot}/{fields[19]}"


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
