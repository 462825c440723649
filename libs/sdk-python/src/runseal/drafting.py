"""An event on its way from what a caller says to the texts that are spooled."""

from __future__ import annotations

import json
from typing import Union

from .clock import now_text
from .events import PAYLOAD_BYTES, Invalid, current_version, find_invalid
from .ids import uuid7
from .payloads import Json
from .spool import Draft

_dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def complete_event(run: str, event: Json) -> Json:
    """The event with what was left out: a new id, the current version, the run's stream, now."""
    return {
        "id": uuid7(),
        "version": current_version(event["type"]),
        "stream": f"run/{run}",
        "occurred_at": now_text(),
        **event,
    }


def draft_of(event: Json) -> Union[Draft, Invalid]:
    """The event as texts, or why no server would take it."""
    invalid = find_invalid({**event, "producer": None})
    if invalid is not None:
        return invalid
    try:
        payload = _dump(event["payload"])
        size = len(payload.encode())
        expect = _dump(event["expect"]) if "expect" in event else None
    except (ValueError, TypeError, RecursionError) as error:
        return Invalid("invalid_encoding", f"the payload is nothing that JSON can say: {error}")
    if size > PAYLOAD_BYTES:
        return Invalid("too_large", f"the payload has {size} bytes, the limit is {PAYLOAD_BYTES}")
    occurred_at = _dump(event["occurred_at"])
    return Draft(event["id"], event["type"], event["version"], event["stream"], occurred_at, payload, expect)
