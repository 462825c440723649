"""Digests of files and folders, as everybody who speaks of them computes them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Optional

from .canonical_json import canonical_json

if TYPE_CHECKING:
    import hashlib

#: The schema's limit on files listed in one event.
_LISTED_MAX = 4000
_CHUNK_BYTES = 1024 * 1024


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


def hash_path(path: str) -> PathContent:
    """`hash_folder` or `hash_file`, by what lies there."""
    return hash_folder(path) if os.path.isdir(path) else hash_file(path)


def hash_file(path: str) -> PathContent:
    """SHA-256 of a file, streamed.

    Raises OSError where it cannot be read, ValueError where size or time of change differ before and after: then nobody can
    say what was hashed.
    """
    before = os.stat(path)
    if not stat.S_ISREG(before.st_mode):
        raise ValueError(f"{path} is no regular file")
    return PathContent("file", _hash_bytes(path, before), before.st_size, None)


def hash_folder(path: str) -> PathContent:
    """Digest of a folder's canonical manifest, each file streamed.

    A link inside the folder is read as its target; one that leads out of it, or nowhere, is refused, as are devices and
    sockets; `.runseal` and empty folders are left out. Raises as `hash_file` does, and where files come or go meanwhile.
    """
    root = os.path.realpath(path)
    found = _list_files(root)
    files = [
        FileDigest(name.replace(os.sep, "/"), _hash_bytes(os.path.join(root, name), of), of.st_size)
        for name, of in found.items()
    ]
    if _list_files(root).keys() != found.keys():
        raise ValueError(f"{path}: files came or went while it was hashed; hash it when it is complete")
    digest = _sha256(manifest_bytes(files)).hexdigest()
    total = sum(file.size_bytes for file in files)
    return PathContent("folder", f"sha256:{digest}", total, files if len(files) <= _LISTED_MAX else None)


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


def _list_files(root: str) -> dict[str, os.stat_result]:
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


def _hash_bytes(path: str, before: os.stat_result) -> str:
    digest = _sha256()
    done = 0
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
    after = os.stat(path)
    if (after.st_size, after.st_mtime_ns, done) != (before.st_size, before.st_mtime_ns, before.st_size):
        raise ValueError(f"{path} changed while it was hashed; hash it when it is complete")
    return f"sha256:{digest.hexdigest()}"
