"""What the server's own machine keeps for the person who sits there."""

from __future__ import annotations

import json
import os
from typing import NamedTuple, Optional


class Credentials(NamedTuple):
    path: str
    url: str
    api_key: str


def find_credentials(folder: str) -> Optional[Credentials]:
    """The nearest `.runseal/credentials.json` in a folder or above it, None where there is none.

    Raises OSError or ValueError where there is one that cannot be read: guessing past it would send events elsewhere.
    """
    place = os.path.abspath(folder)
    while True:
        path = os.path.join(place, ".runseal", "credentials.json")
        if os.path.exists(path):
            return _read(path)
        above = os.path.dirname(place)
        if above == place:
            return None
        place = above


def _read(path: str) -> Credentials:
    with open(path, encoding="utf-8") as file:
        value = json.load(file)
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in ("url", "api_key")):
        raise ValueError(f"{path} lacks url or api_key")
    return Credentials(path, value["url"], value["api_key"])
