"""What the submitter gets for a sealed event."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional, TypedDict


class Receipt(TypedDict):
    id: str
    ledger: str
    epoch: int
    seq: int
    hash: str
    sealed_at: str
    duplicate: bool


class Known(NamedTuple):
    """The newest record that this client has a receipt for."""

    epoch: int
    seq: int
    hash: str


_HASH = re.compile(r"[0-9a-f]{64}\Z")


def is_receipt(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    texts = all(isinstance(value.get(member), str) for member in ("id", "ledger", "hash", "sealed_at"))
    numbers = all(type(value.get(member)) is int for member in ("epoch", "seq"))
    return texts and numbers and _HASH.match(value["hash"]) is not None


def newest(receipt: Receipt, known: Optional[Known]) -> Known:
    """The later of the two in the ledger's history."""
    if known is not None and (receipt["epoch"], receipt["seq"]) <= (known.epoch, known.seq):
        return known
    return Known(receipt["epoch"], receipt["seq"], receipt["hash"])
