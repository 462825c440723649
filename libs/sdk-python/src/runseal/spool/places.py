"""Where a spool outlives what it is for."""

from __future__ import annotations

import os
import re
from typing import Optional

from ..say import Teller
from .layout import measure_spool, sweep_done

#: File systems that go with the container or the machine's memory.
_VOLATILE = frozenset(["overlay", "overlayfs", "aufs", "tmpfs", "ramfs"])


def choose_spool(spool_dir: str, is_chosen: bool, output_dir: Optional[str], teller: Teller) -> str:
    """The spool's folder: `.runseal` in the output folder where the usual place would not survive. Says so in one line.

    A place that somebody chose is kept.
    """
    kind = file_system_of(spool_dir)
    if kind not in _VOLATILE:
        return spool_dir
    if not is_chosen and output_dir is not None and file_system_of(output_dir) not in _VOLATILE:
        place = os.path.join(os.path.abspath(output_dir), ".runseal")
        teller.once("volatile", f"{spool_dir} lies on {kind} and would not outlive this machine: spooling to {place}")
        return place
    teller.once("volatile", f"the spool {spool_dir} lies on {kind}: what is not delivered is lost with this machine")
    return spool_dir


def measure_others(spool_dir: str, teller: Teller) -> int:
    """Bytes that other producers take in a spool, after those folders are gone whose time is over."""
    try:
        sweep_done(spool_dir)
        return measure_spool(spool_dir)
    except OSError as error:
        teller.once("measure", f"the spool cannot be measured: {error}")
        return 0


def file_system_of(path: str) -> Optional[str]:
    """Kind of the file system on which a path lies or would lie; None where the system does not tell."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [_parse(line) for line in file]
    except (OSError, ValueError, IndexError):
        return None
    place = os.path.realpath(path)
    above = [(len(point), kind) for point, kind in mounts if _lies_below(place, point)]
    # Of several mounts at one point the last one counts.
    return max(enumerate(above), key=lambda one: (one[1][0], one[0]))[1][1] if above else None


def _parse(line: str) -> tuple[str, str]:
    fields, _, rest = line.partition(" - ")
    point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields.split(" ")[4])
    return point, rest.split(" ")[0]


def _lies_below(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")
