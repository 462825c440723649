"""Spools for tests, and what lies in them."""

from __future__ import annotations

import json
import os
from typing import Any, Optional

from runseal.config import Config
from runseal.ids import uuid4, uuid7
from runseal.say import Teller
from runseal.spool.layout import list_producers, list_segments, segment_file
from runseal.spool.segment import decode_segment
from runseal.spool.spool import Draft, Spool

RUN = "01936b6e-1111-7000-8000-000000000000"
KEY = "rsk_abc_secretsecretsecret"


def open_spool(root: str, said: Optional[list[str]] = None, **options: Any) -> Spool:
    lines = [] if said is None else said
    settings: dict[str, Any] = {
        "url": "http://one",
        "limit_bytes": 1e9,
        "others_bytes": 0,
        "teller": Teller(lines.append),
        "free_acknowledged": lambda: 0,
    }
    return Spool(root, options.pop("producer", uuid4()), **{**settings, **options})


def draft(size: int = 10, name: str = "name") -> Draft:
    payload = json.dumps({"attempt": None, "parameters": {name: "x" * size}, "asserted": []})
    return Draft(uuid7(), "run.parameters-recorded", 1, f"run/{RUN}", "null", payload)


def stored(folder: str) -> list[dict[str, Any]]:
    """All events of a folder, in order."""
    found: list[dict[str, Any]] = []
    for number in list_segments(folder):
        with open(segment_file(folder, number), "rb") as file:
            found += [json.loads(body) for body in decode_segment(file.read()).bodies]
    return found


def spooled(root: str) -> list[dict[str, Any]]:
    return [event for producer in list_producers(root) for event in stored(os.path.join(root, producer))]


def disown(spool: Spool) -> None:
    """What a kill does to a process, as far as its folder can tell: nobody owns it any more."""
    spool.forget()
    os.unlink(os.path.join(spool.folder, "owner.json"))


def config(root: str, url: Optional[str], said: Optional[list[str]] = None, drain_s: float = 10.0) -> Config:
    say = (lambda line: None) if said is None else said.append
    return Config(url, KEY, root, 1e9, drain_s, None, say)
