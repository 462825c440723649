"""Starts runs for tests."""

from __future__ import annotations

import json
from typing import Any, Optional

from jsonschema import Draft202012Validator
from places import SCHEMAS
from scripted_door import Json, ScriptedDoor
from spools import KEY

import runseal


def start(door: Optional[ScriptedDoor], spool_dir: str, said: list[str], **options: Any) -> runseal.Run:
    given = {"api_key": KEY, "spool_dir": spool_dir, "drain_s": 15, "say": said.append, **options}
    if door is not None:
        given["url"] = given.get("url", door.url)
    return runseal.start_run(given.pop("experiment", "demo"), **given)


def check_against_published_schemas(events: list[Json]) -> None:
    shell = Draft202012Validator(json.loads((SCHEMAS / "event.json").read_text()))
    for event in events:
        shell.validate(event)
        schema = SCHEMAS / f"{event['type']}.v{event['version']}.json"
        Draft202012Validator(json.loads(schema.read_text())).validate(event["payload"])
