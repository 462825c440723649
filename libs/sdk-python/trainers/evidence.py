"""Looking at sealed events."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Optional

Event = dict[str, Any]


def of_type(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def one_of(events: list[Event], kind: str) -> Event:
    (event,) = of_type(events, kind)
    return event


def rows(events: list[Event], kind: str, attempt: Optional[str] = None) -> list[Event]:
    """Rows of metrics of one kind, as they were logged; of one attempt or all."""
    logged = [event["payload"] for event in of_type(events, "run.metrics-logged")]
    return [row for one in logged if attempt in (None, one["attempt"]) for row in one["rows"] if row["kind"] == kind]


def sha256(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
