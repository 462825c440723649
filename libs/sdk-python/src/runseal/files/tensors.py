"""Whether saved weights hold finite numbers only: the one sure sign of a run that was poisoned unseen.

The format of .safetensors files: https://github.com/huggingface/safetensors#format. Nothing but the standard library is
needed: a number that is not finite has all bits of its exponent set, and most of them lie in its last byte.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, Optional

_HEADER_BYTES_MAX = 100_000_000
#: Divisible by every size of a number.
_CHUNK_BYTES = 4 * 1024 * 1024


class Kind(NamedTuple):
    """A kind of number, little-endian. Not finite: its last byte is among `last`, and the byte before has all bits of `before`."""

    size: int
    last: bytes
    before: int = 0


def _with_bits(mask: int) -> bytes:
    return bytes(byte for byte in range(256) if byte & mask == mask)


_KINDS = {
    "F64": Kind(8, _with_bits(0x7F), 0xF0),
    "F32": Kind(4, _with_bits(0x7F), 0x80),
    "C64": Kind(4, _with_bits(0x7F), 0x80),
    "BF16": Kind(2, _with_bits(0x7F), 0x80),
    "F16": Kind(2, _with_bits(0x7C)),
    "F8_E5M2": Kind(1, _with_bits(0x7C)),
    "F8_E4M3": Kind(1, b"\x7f\xff"),
    "F8_E5M2FNUZ": Kind(1, b"\x80"),
    "F8_E4M3FNUZ": Kind(1, b"\x80"),
    "F8_E8M0": Kind(1, b"\xff"),
}
_PARTS = {"C64": 2}
#: They hold no other than finite numbers; bits of one.
_ALWAYS_FINITE = {"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64}
_ALWAYS_FINITE.update({"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6})


class TensorCheck(NamedTuple):
    #: None: not known.
    finite: Optional[bool]
    #: Which tensor is not finite, or why it is not known.
    reason: Optional[str]


class _Unknown(Exception):
    """Says why."""


def tensors_finite(path: str, limit_s: float = 120.0, files: Optional[Sequence[str]] = None) -> TensorCheck:
    """Whether every tensor of a .safetensors file, or of those directly in a folder (or named, relative to it), was read and
    is finite.

    An adapter's file comes first. A tensor that is not finite decides; otherwise one file that is damaged, missing from the
    index, or not read within `limit_s` makes it unknown. Checkpoints in folders of their own are not looked at. Never raises.
    """
    deadline = time.monotonic() + limit_s
    reason: Optional[str] = None
    try:
        for file in _list_weights(path, files):
            try:
                infinite = _find_infinite(file, deadline)
            except (_Unknown, OSError) as error:
                reason = reason or f"{file}: {error}"
                continue
            if infinite is not None:
                return TensorCheck(False, f"{file}: {infinite} holds numbers that are not finite")
    except (_Unknown, OSError) as error:
        reason = str(error)
    return TensorCheck(True if reason is None else None, reason)


def _list_weights(path: str, files: Optional[Sequence[str]]) -> list[str]:
    if files is None and not os.path.isdir(path):
        if not path.endswith(".safetensors"):
            raise _Unknown(f"{path} is no .safetensors file")
        return [path]
    names = os.listdir(path) if files is None else files
    found = {name for name in names if name.endswith(".safetensors")}
    for index in (name for name in names if name.endswith(".safetensors.index.json")):
        found |= {os.path.join(os.path.dirname(index), name) for name in _read_shards(os.path.join(path, index))}
    if not found:
        raise _Unknown(f"{path} holds no .safetensors file")
    adapters_first = sorted(found, key=lambda name: (not os.path.basename(name).startswith("adapter"), name))
    return [os.path.join(path, name) for name in adapters_first]


def _read_shards(path: str) -> set[str]:
    try:
        with open(path, encoding="utf-8") as file:
            shards = set(json.load(file)["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _Unknown(f"{path} is no index of shards: {error!r}") from None
    if not all(isinstance(name, str) and os.path.basename(name) == name for name in shards):
        raise _Unknown(f"{path} names shards outside its folder")
    return shards


def _find_infinite(path: str, deadline: float) -> Optional[str]:
    """The name of a tensor that is not finite."""
    with open(path, "rb", buffering=0) as file:
        for name, kind, start, end in _read_header(file):
            file.seek(start)
            for chunk in _chunks(file, end - start):
                if _has_infinite(chunk, kind):
                    return name
                if time.monotonic() > deadline:
                    raise _Unknown("there was no time left to read it")
    return None


def _read_header(file: BinaryIO) -> list[tuple[str, Kind, int, int]]:
    """Name, kind, start and end in the file of each tensor that may be other than finite."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or not 2 <= length <= min(_HEADER_BYTES_MAX, size - 8):
        raise _Unknown("its header is damaged")
    try:
        header = json.loads(_read_whole(file, length))
        tensors = [_place(name, of, size - 8 - length) for name, of in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _Unknown(f"its header is damaged: {str(error)[:200]}") from None
    start = 8 + length
    return [(name, kind, start + begin, start + end) for name, kind, begin, end in tensors if kind is not None]


def _place(name: str, of: Any, room: int) -> tuple[str, Optional[Kind], int, int]:
    dtype, (begin, end) = of["dtype"], of["data_offsets"]
    kind = _KINDS.get(dtype)
    bits = kind.size * 8 * _PARTS.get(dtype, 1) if kind else _ALWAYS_FINITE.get(dtype)
    if bits is None:
        raise _Unknown(f"{name} is of an unknown kind, {dtype}")
    if not all(type(one) is int and one >= 0 for one in (begin, end, *of["shape"])):
        raise ValueError(f"{name} has no plain shape or place")
    if end > room or 8 * (end - begin) != bits * math.prod(of["shape"]):
        raise ValueError(f"{name} does not fit its place")
    return name, kind, begin, end


def _chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0:
        chunk = _read_whole(file, min(length, _CHUNK_BYTES))
        yield chunk
        length -= len(chunk)


def _read_whole(file: BinaryIO, length: int) -> bytes:
    parts = []
    while length > 0:
        part = file.read(length)
        if not part:
            raise _Unknown("it ends before its tensors do")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _has_infinite(chunk: bytes, kind: Kind) -> bool:
    last = chunk[kind.size - 1 :: kind.size]
    # Cheap for all but numbers beyond 1e38, of which weights have none.
    if len(last.translate(None, delete=kind.last)) == len(last):
        return False
    if kind.before == 0:
        return True
    before = chunk[kind.size - 2 :: kind.size]
    return any(one in kind.last and other & kind.before == kind.before for one, other in zip(last, before))
