"""Random identifiers, without the cost of importing `uuid` into every training process."""

from __future__ import annotations

import os
import re
import time

UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def uuid7() -> str:
    """A UUID of version 7: milliseconds since 1970, then 74 random bits. What events are named by."""
    milliseconds = time.time_ns() // 1_000_000
    return _format((milliseconds << 80) | int.from_bytes(os.urandom(10), "big"), 7)


def uuid4() -> str:
    """A random UUID. What producers are named by."""
    return _format(int.from_bytes(os.urandom(16), "big"), 4)


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID as events carry it: lower case, with hyphens."""
    return re.fullmatch(UUID_PATTERN, text) is not None


def _format(number: int, version: int) -> str:
    number = (number & ~(0xF << 76)) | (version << 76)
    number = (number & ~(0x3 << 62)) | (0x2 << 62)
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
