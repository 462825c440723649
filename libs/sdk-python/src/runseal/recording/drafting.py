"""An event on its way from what a caller says to the texts that are spooled."""

from __future__ import annotations

import json
from typing import Optional, Union

from ..clock import now_text
from ..events.event import PAYLOAD_BYTES, Invalid, current_version, find_invalid
from ..events.masking import mask_secrets
from ..events.payloads import Json
from ..ids import uuid7
from ..say import words_of
from ..spool.set_aside import Problem, keep_refused
from ..spool.spool import Draft

#: The schema's limit on a list among parameters.
_LISTED_MAX = 1000
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


def declaration_of(attempt: Optional[str], not_accepted: list[Json], set_aside: list[Json]) -> Json:
    """The event that says what was given up."""
    payload = {"attempt": attempt, "not_accepted": not_accepted, "set_aside": set_aside}
    return {"type": "run.events-dropped", "payload": payload}


def without_secrets(event: Json) -> tuple[Json, list[str]]:
    """The event without what looks like a secret, and JSON pointers to what was masked; parameters list them themselves."""
    payload, masked = mask_secrets(event["payload"], "/payload")
    if masked and event["type"] == "run.parameters-recorded":
        payload["parameters"]["runseal.masked"] = [pointer.rpartition("/")[2] for pointer in masked[:_LISTED_MAX]]
    return {**event, "payload": payload}, masked


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
        return Invalid("invalid_encoding", f"the payload is nothing that JSON can say: {words_of(error)}")
    if size > PAYLOAD_BYTES:
        return Invalid("too_large", f"the payload has {size} bytes, the limit is {PAYLOAD_BYTES}")
    occurred_at = _dump(event["occurred_at"])
    return Draft(event["id"], event["type"], event["version"], event["stream"], occurred_at, payload, expect)


def keep_invalid(root: str, event: Json, invalid: Invalid) -> str:
    """Keeps an event that no server would take where the refused ones lie; returns the line that says so. Never raises."""
    try:
        text = json.dumps(event, default=words_of)
        path = keep_refused(root, event["id"], text, invalid.code, Problem(0, invalid.code, invalid.detail, []))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        return f"{event['type']} is lost: {invalid.detail} ({words_of(error)})"
    return f"{event['type']} is not recorded: {invalid.detail}; it lies in {path}"
