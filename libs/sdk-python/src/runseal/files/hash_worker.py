"""What the process that hashes and profiles does: answers requests, one line of JSON each, until its parent is gone.

It is a process of its own so that it takes no time from the training's interpreter lock, has the lowest priority, and takes
nobody with it when it runs out of memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import sys
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional, Union

from ..say import words_of
from .hash_cache import HashCache
from .hash_path import Changed, FileDigest, PathContent, hash_files, hash_path, identity_of, list_files

Json = dict[str, Any]
#: How often it looks whether the parent lives, should another process hold the pipe open.
_LOOK_S = 2.0
#: System calls that set the priority of a process's input and output, by machine; best left alone on others.
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IDLE = 3 << 13


class Subject(NamedTuple):
    """What is to be hashed or profiled."""

    #: A file or folder, absolute.
    path: str
    #: Where only some of the folder's files are meant, their names relative to it.
    files: Optional[list[str]]


def main() -> None:
    """Serves stdin until it ends."""
    parent = os.getppid()
    _leave()
    _step_back()
    requests = os.dup(0)
    replies = os.dup(1)
    # Libraries that print do not mix with the answers.
    os.dup2(2, 1)
    lines = _Lines(requests, parent)
    threading.Thread(target=lines.read, name="runseal-requests", daemon=True).start()
    for line in lines:
        reply = json.dumps(answer(json.loads(line))).encode() + b"\n"
        while reply:
            reply = reply[os.write(replies, reply) :]


def answer(request: Json) -> Json:
    """What was asked for: `content`, `tensors_finite` and `stamp`, or `profile` and `schema`; a fault is one of `notes`."""
    subject = Subject(request["path"], request["files"])
    reply: Json = {"content": None, "tensors_finite": None, "profile": None, "schema": None, "stamp": None, "notes": []}
    try:
        if request["kind"] == "profile":
            _profile(subject, request, reply)
        else:
            _hash(subject, request, reply)
    except Exception as error:
        reply["notes"].append(_reason(error))
    return reply


def content_of(reply: Json) -> Optional[PathContent]:
    """What was hashed, out of an answer."""
    content = reply["content"]
    if content is None:
        return None
    form, digest, size_bytes, files = content
    return PathContent(form, digest, size_bytes, None if files is None else [FileDigest(*one) for one in files])


def _hash(subject: Subject, request: Json, reply: Json) -> None:
    cache = None if request["cache"] is None else HashCache(request["cache"])
    known = _Fresh(cache) if cache is not None and request["fresh"] else cache
    try:
        try:
            _hash_once(subject, known, request, reply)
        except (Changed, FileNotFoundError):
            # Somebody was still writing: once more, and then it is they who have to wait.
            _hash_once(subject, known, request, reply)
    finally:
        if cache is not None:
            cache.save()


def _hash_once(subject: Subject, known: Any, request: Json, reply: Json) -> None:
    reply["stamp"] = _stamp(subject)
    path, files = subject
    content = hash_path(path, known) if files is None else hash_files(path, files, known)
    check = None
    if request["tensors"]:
        from .tensors import tensors_finite

        check = tensors_finite(path, request["limit_s"], files)
    if _stamp(subject) != reply["stamp"]:
        raise Changed(f"{subject.path} changed while it was read; record it when it is complete")
    reply["content"] = content
    if check is not None:
        reply["tensors_finite"] = check.finite
        reply["notes"] += [f"whether all tensors are finite: {check.reason}"] if check.reason else []


def _profile(subject: Subject, request: Json, reply: Json) -> None:
    from .profile_dataset import guess_schema, profile_dataset

    # Behind everything of the standard library: numpy, pyarrow and tokenizers are there if the training has them.
    sys.path += [path for path in request["import_from"] if path not in sys.path]
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    paths: Union[str, list[str]] = subject.path
    if subject.files is not None:
        paths = [os.path.join(subject.path, name) for name in subject.files]
    profiled = profile_dataset(paths, tokenizer=request["tokenizer"], limit_s=request["limit_s"])
    # What was profiled must be what was hashed.
    if request["stamp"] is not None and _stamp(subject) != request["stamp"]:
        raise Changed(f"{subject.path} has changed since it was hashed")
    reply["profile"], reply["schema"] = profiled.profile, guess_schema(profiled.profile)
    reply["notes"] += [profiled.note] if profiled.note else []


def _stamp(subject: Subject) -> list[Any]:
    """Changes with anything below the path."""
    if subject.files is not None:
        found = {name: os.stat(os.path.join(subject.path, name)) for name in subject.files}
    elif os.path.isdir(subject.path):
        found = list_files(os.path.realpath(subject.path))
    else:
        found = {"": os.stat(subject.path)}
    return [[name, *identity_of(of)] for name, of in sorted(found.items())]


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is gone"
    return str(error) if isinstance(error, (ValueError, TimeoutError)) else words_of(error)


class _Fresh:
    """Knows nothing, and remembers what it is told."""

    def __init__(self, cache: HashCache) -> None:
        self.keep = cache.keep

    def find(self, path: str, of: os.stat_result) -> None:
        return None


class _Lines:
    """Lines of the pipe; the whole process ends with it, whatever it is doing then."""

    def __init__(self, pipe: int, parent: int) -> None:
        self._pipe = pipe
        self._parent = parent
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self._lines.get()

    def read(self) -> None:
        rest = b""
        while True:
            # Elsewhere a pipe cannot be waited for with a limit.
            is_readable = os.name != "posix" or select.select([self._pipe], [], [], _LOOK_S)[0]
            data = os.read(self._pipe, 65_536) if is_readable else None
            if data == b"" or os.getppid() != self._parent:
                os._exit(0)
            *lines, rest = (rest + (data or b"")).split(b"\n")
            for line in lines:
                self._lines.put(line)


def _leave() -> None:
    """A session of its own, so that Ctrl-C is the parent's to answer, and none of the files that the parent has open."""
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()
    if os.path.isdir("/dev/fd"):
        for name in os.listdir("/dev/fd"):
            with contextlib.suppress(OSError, ValueError):
                if int(name) > 2:
                    os.close(int(name))


def _step_back() -> None:
    """The lowest priority, and the first to go when memory runs out."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(19)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")
    with contextlib.suppress(Exception):
        import ctypes

        number = _IOPRIO_SET[os.uname().machine] if sys.platform == "linux" else 0
        if number:
            ctypes.CDLL(None).syscall(number, 1, 0, _IDLE)
