"""Digests of files and folders, as everybody who speaks of them computes them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Optional, Protocol

from ..canonical_json import canonical_json

if TYPE_CHECKING:
    import hashlib

#: The schema's limit on files listed in one event.
_LISTED_MAX = 4000
_CHUNK_BYTES = 1024 * 1024
#: What is less than this is not worth a second thread.
_SHARED_BYTES = 8 * _CHUNK_BYTES


class Changed(ValueError):
    """Files changed, came or went while they were hashed: nobody can say what was hashed."""


class KnownDigests(Protocol):
    """Digests of files that were hashed before."""

    def find(self, path: str, of: os.stat_result) -> Optional[str]: ...
    def keep(self, path: str, of: os.stat_result, digest: str) -> None: ...


class FileDigest(NamedTuple):
    #: Relative to the folder, with `/`.
    path: str
    #: `sha256:` and 64 hex digits.
    digest: str
    size_bytes: int


class PathContent(NamedTuple):
    #: `file` or `folder`.
    form: str
    #: Of a file's bytes, of a folder's manifest.
    digest: str
    size_bytes: int
    #: A folder's files, in no order; None for a file and where they are too many to list in an event.
    files: Optional[list[FileDigest]]


def hash_path(path: str, known: Optional[KnownDigests] = None) -> PathContent:
    """`hash_folder` or `hash_file`, by what lies there."""
    return hash_folder(path, known) if os.path.isdir(path) else hash_file(path, known)


def hash_file(path: str, known: Optional[KnownDigests] = None) -> PathContent:
    """SHA-256 of a file, streamed.

    Raises OSError where it cannot be read, Changed (a ValueError) where it changes meanwhile.
    """
    of = os.stat(path)
    if not stat.S_ISREG(of.st_mode):
        raise ValueError(f"{path} is no regular file")
    digest = _digest_of(os.path.abspath(path), of, known, bytearray(_CHUNK_BYTES))
    return PathContent("file", digest, of.st_size, None)


def hash_folder(path: str, known: Optional[KnownDigests] = None) -> PathContent:
    """Digest of a folder's canonical manifest; two threads stream its files.

    A link inside the folder is read as its target; one that leads out of it, or nowhere, is refused, as are devices and
    sockets; `.runseal` and empty folders are left out. Raises as `hash_file` does, and Changed where files come or go.
    """
    root = os.path.realpath(path)
    found = list_files(root)
    content = _hash_found(root, found, known)
    if list_files(root).keys() != found.keys():
        raise Changed(f"{path}: files came or went while it was hashed; hash it when it is complete")
    return content


def hash_files(root: str, names: Sequence[str], known: Optional[KnownDigests] = None) -> PathContent:
    """Digest of the manifest that a folder with only these files would have; names are relative to the folder."""
    found = {os.path.normpath(name): os.stat(os.path.join(root, name)) for name in names}
    odd = [name for name, of in found.items() if not stat.S_ISREG(of.st_mode)]
    if odd:
        raise ValueError(f"{os.path.join(root, odd[0])} is no regular file")
    return _hash_found(os.path.abspath(root), found, known)


def manifest_bytes(files: Iterable[FileDigest]) -> bytes:
    """The bytes whose SHA-256 is a folder's digest; files may come in any order.

    Raises ValueError on a path that is absolute, empty, doubled, climbs out, or is no Unicode text.
    """
    keyed = sorted((file.path.encode(), file) for file in files)
    lines = [b"runseal.manifest.v1\n"]
    before: Optional[bytes] = None
    for key, file in keyed:
        if any(part in ("", ".", "..") for part in file.path.split("/")):
            raise ValueError(f"path {file.path!r} is not relative with plain parts")
        if key == before:
            raise ValueError(f"path {file.path!r} stands twice in a manifest")
        before = key
        entry = {"path": file.path, "sha256": file.digest[len("sha256:") :], "size": file.size_bytes}
        lines.append(canonical_json(entry).encode() + b"\n")
    return b"".join(lines)


def list_files(root: str) -> dict[str, os.stat_result]:
    """The regular files below a folder as `hash_folder` takes them, with what the system says of each."""
    files: dict[str, os.stat_result] = {}
    pending: list[tuple[str, tuple[str, ...]]] = [("", (root,))]
    while pending:
        folder, above = pending.pop()
        for name in os.listdir(os.path.join(root, folder)):
            if name == ".runseal":
                continue
            path = os.path.join(folder, name)
            target = _resolve_inside(root, path)
            of = os.stat(target)
            if stat.S_ISREG(of.st_mode):
                files[path] = of
            elif not stat.S_ISDIR(of.st_mode):
                raise ValueError(f"{os.path.join(root, path)} is neither a file nor a folder")
            elif target in above:
                raise ValueError(f"{os.path.join(root, path)} is a link to a folder that holds it")
            else:
                pending.append((path, (*above, target)))
    return files


def _resolve_inside(root: str, path: str) -> str:
    target = os.path.realpath(os.path.join(root, path))
    if target == root or target.startswith(root.rstrip(os.sep) + os.sep):
        return target
    raise ValueError(f"{os.path.join(root, path)} is a link that leads out of the folder, to {target}")


def _sha256(data: bytes = b"") -> hashlib._Hash:
    # Imported here, because it brings a whole TLS library into a process that may never hash.
    import hashlib

    return hashlib.sha256(data)


def _hash_found(root: str, found: Mapping[str, os.stat_result], known: Optional[KnownDigests]) -> PathContent:
    digests = _digest_all(root, found, known)
    files = [FileDigest(name.replace(os.sep, "/"), digests[name], of.st_size) for name, of in found.items()]
    digest = _sha256(manifest_bytes(files)).hexdigest()
    total = sum(file.size_bytes for file in files)
    return PathContent("folder", f"sha256:{digest}", total, files if len(files) <= _LISTED_MAX else None)


def _digest_all(root: str, found: Mapping[str, os.stat_result], known: Optional[KnownDigests]) -> dict[str, str]:
    digests: dict[str, str] = {}
    faults: list[Exception] = []
    # The largest first, so that no thread is left alone with it at the end.
    waiting = sorted(found, key=lambda name: found[name].st_size)

    def work() -> None:
        buffer = bytearray(_CHUNK_BYTES)
        while waiting and not faults:
            try:
                name = waiting.pop()
                digests[name] = _digest_of(os.path.join(root, name), found[name], known, buffer)
            except IndexError:
                return
            except Exception as error:
                faults.append(error)

    if len(found) > 1 and sum(of.st_size for of in found.values()) >= _SHARED_BYTES:
        import threading

        other = threading.Thread(target=work, name="runseal-reader", daemon=True)
        other.start()
        work()
        other.join()
    else:
        work()
    if faults:
        raise faults[0]
    return digests


def _digest_of(path: str, of: os.stat_result, known: Optional[KnownDigests], buffer: bytearray) -> str:
    digest = known.find(path, of) if known is not None else None
    if digest is None:
        digest = _hash_bytes(path, of, buffer)
        if known is not None:
            known.keep(path, of, digest)
    return digest


def _hash_bytes(path: str, before: os.stat_result, buffer: bytearray) -> str:
    digest = _sha256()
    view = memoryview(buffer)
    done = 0
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            # It lets other threads run meanwhile.
            digest.update(view[:count])
            done += count
    if done != before.st_size or identity_of(os.stat(path)) != identity_of(before):
        raise Changed(f"{path} changed while it was hashed; hash it when it is complete")
    return f"sha256:{digest.hexdigest()}"


def identity_of(of: os.stat_result) -> tuple[int, int, int]:
    """What changes when a file's content does, or another file takes its place."""
    return of.st_size, of.st_mtime_ns, of.st_ino
