"""Texts whose digests are sealed, kept beside the spool until they can be handed over."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple, Optional

from .layout import make_folder, write_whole


class KeptText(NamedTuple):
    digest: str
    size_bytes: int
    #: None where the disk did not take it.
    path: Optional[str]


def keep_text(folder: str, text: str, ending: str) -> KeptText:
    """Writes a text to `texts/<hex><ending>` beside a producer's folder; the caller has masked it. Never raises."""
    import hashlib

    data = text.encode(errors="replace")
    name = hashlib.sha256(data).hexdigest()
    path = os.path.join(os.path.dirname(folder), "texts", f"{name}{ending}")
    kept: Optional[str] = None
    with suppress(OSError):
        make_folder(os.path.dirname(path))
        write_whole(path, data)
        kept = path
    return KeptText(f"sha256:{name}", len(data), kept)
