"""The entries of a spool segment: length and CRC-32 of the body as u32 big endian, then the body."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

HEADER = struct.Struct(">II")


class Segment(NamedTuple):
    bodies: list[bytes]
    #: Bytes of whole, sound entries: a writer that goes on must first cut the file to this length.
    sound_length: int
    #: `clean`, `torn` where the last entry is shorter than it says, `corrupt` where its CRC differs or it is empty.
    end: str


def encode_entry(body: bytes) -> bytes:
    """One entry. Raises ValueError on an empty body: an event is never empty."""
    if not body:
        raise ValueError("a spool entry holds an event, found an empty body")
    return HEADER.pack(len(body), zlib.crc32(body)) + body


def decode_segment(data: bytes) -> Segment:
    """Reads up to the first entry that is not whole and sound; never raises.

    Behind a corrupt entry nothing is read, since its length cannot be trusted. After a power cut a file may end in zeros,
    which would read as sound entries of nothing: an empty body counts as corrupt.
    """
    bodies: list[bytes] = []
    offset = 0
    while offset < len(data):
        start = offset + HEADER.size
        if start > len(data):
            return Segment(bodies, offset, "torn")
        length, checksum = HEADER.unpack_from(data, offset)
        body = data[start : start + length]
        if start + length > len(data):
            return Segment(bodies, offset, "torn")
        if not body or zlib.crc32(body) != checksum:
            return Segment(bodies, offset, "corrupt")
        bodies.append(body)
        offset = start + length
    return Segment(bodies, offset, "clean")
