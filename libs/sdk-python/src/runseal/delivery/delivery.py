"""What the end of a run tells."""

from __future__ import annotations

from typing import NamedTuple, Optional


class Delivery(NamedTuple):
    """How it stands with the delivery."""

    #: Whether all that was accepted is sealed or set aside.
    complete: bool
    #: Accepted, not yet acknowledged: on disk in `folder`, sent later by `runseal spool send`.
    spooled: int
    #: Refused by the server for themselves, now in `<spool>/refused`.
    set_aside: int
    folder: Optional[str]
