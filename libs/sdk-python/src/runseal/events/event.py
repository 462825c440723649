"""What an event is: its class, its stream, and whether it fits the contracts."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple, Optional

from ..ids import UUID_PATTERN
from .schema import Check, Fault, compile_schema, list_schemas, read_schema

#: The sizes beyond which the door refuses.
EVENTS_PER_REQUEST = 500
REQUEST_BYTES = 5 * 1024 * 1024
PAYLOAD_BYTES = 768 * 1024

#: Retention class by type; all others are `permanent`, which is what lifecycle means here.
_CLASSES = {"run.metrics-logged": "metrics", "run.resources-sampled": "telemetry", "run.log-captured": "logs"}
_STREAMS = {
    "run": (re.compile(rf"run/{UUID_PATTERN}\Z"), "run/<UUID, lower-case with hyphens>"),
    "artifact": (re.compile(r"artifact/sha256:[0-9a-f]{64}\Z"), "artifact/sha256:<64 lower-case hex digits>"),
}


class Invalid(NamedTuple):
    """Why no server would take an event."""

    code: str
    detail: str


def retention_of(event_type: str) -> str:
    return _CLASSES.get(event_type, "permanent")


def is_time(text: str) -> bool:
    """Whether a text is a time as the contracts want it: RFC 3339 with a zone."""
    return _time()(text) is None


def current_version(event_type: str) -> int:
    """The newest version that the contracts have; 1 for a type that they do not know."""
    return max(_versions().get(event_type, {1}))


def find_invalid(event: dict[str, Any]) -> Optional[Invalid]:
    """Why an event with its payload may not be sealed, or None. Sizes, authority and secrets are not looked at here."""
    fault = _shell()(event)
    if fault is not None:
        return Invalid("invalid_event", _sentence(fault))
    event_type, version = event["type"], event["version"]
    known = _versions().get(event_type)
    if known is None:
        return Invalid("unknown_event_type", f"/type: found {event_type}, wanted a type that the contracts know")
    if version not in known:
        return Invalid("unknown_event_version", f"/version: found {version}, wanted one of {sorted(known)}")
    stream = _STREAMS.get(event_type.partition(".")[0])
    if stream is not None and stream[0].match(event["stream"]) is None:
        return Invalid("wrong_stream", f"/stream: found {event['stream']}, wanted {stream[1]}")
    fault = payload_check(event_type, version)(event["payload"])
    return None if fault is None else Invalid("invalid_payload", _sentence(fault.below("payload")))


@cache
def payload_check(event_type: str, version: int) -> Check:
    """The compiled schema of a payload; compiled at first use, so that nobody pays for types that are not sent."""
    return compile_schema(read_schema(f"{event_type}.v{version}"))


@cache
def _shell() -> Check:
    return compile_schema(read_schema("event"))


@cache
def _time() -> Check:
    return compile_schema(read_schema("event")["properties"]["occurred_at"])


@cache
def _versions() -> dict[str, set[int]]:
    versions: dict[str, set[int]] = {}
    for name in list_schemas():
        found = re.fullmatch(r"(.+)\.v(\d+)", name)
        if found:
            versions.setdefault(found.group(1), set()).add(int(found.group(2)))
    return versions


def _sentence(fault: Fault) -> str:
    return f"{fault.path or 'the whole'}: found {fault.found}, wanted {fault.wanted}"
