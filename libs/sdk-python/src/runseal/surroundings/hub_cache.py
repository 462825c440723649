"""What a path into the hub's cache of models tells."""

from __future__ import annotations

import os
import re
from typing import NamedTuple, Optional

#: The layout of huggingface_hub's cache: models--<organisation>--<name>/snapshots/<commit>.
_SNAPSHOT = re.compile(r"[/\\]models--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})(?:[/\\]|\Z)")


class CachedModel(NamedTuple):
    #: As the hub has it: organisation/name.
    name: str
    commit: str


def find_in_hub_cache(path: str) -> Optional[CachedModel]:
    """Whose model lies at a path and at which commit; None outside of the cache."""
    found = _SNAPSHOT.search(os.path.realpath(path))
    return CachedModel(found[1].replace("--", "/"), found[2]) if found else None
