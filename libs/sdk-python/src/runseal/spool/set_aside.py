"""Events that no server would take."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple, Optional

from ..clock import now_text
from .layout import make_folder, write_whole


class Problem(NamedTuple):
    """An RFC 9457 problem, as far as the client acts on it. Status 0: this client refused by itself."""

    status: int
    code: Optional[str]
    detail: str
    errors: list[dict[str, Any]]


def keep_refused(root: str, event_id: str, event_text: str, code: str, problem: Problem) -> str:
    """Keeps an event and its problem as `<spool>/refused/<event id>.json`, for a person to look at; returns the path.

    Raises OSError where the disk refuses.
    """
    folder = os.path.join(root, "refused")
    make_folder(folder)
    path = os.path.join(folder, f"{event_id}.json")
    head = json.dumps({"refused_at": now_text(), "code": code, "problem": problem._asdict()})
    write_whole(path, f'{head[:-1]}, "event": {event_text}}}\n'.encode(errors="replace"))
    return path
