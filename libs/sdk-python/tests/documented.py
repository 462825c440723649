"""The blocks of docs/trainers.md, by the name behind their language."""

from __future__ import annotations

import re

from places import ROOT

DOCUMENT = ROOT / "docs" / "trainers.md"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def read_blocks() -> dict[str, str]:
    """Raises where a block has no name of its own: then no test could run it."""
    blocks: dict[str, str] = {}
    for found in _BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8")):
        name = found["name"]
        if name is None or name in blocks:
            raise ValueError(f"a block has no name of its own: {found['text'][:80]!r}")
        blocks[name] = found["text"]
    return blocks
