"""`runseal show`: one run in a terminal, its curves, verdict, what went in and came out."""

from __future__ import annotations

import argparse
from typing import Any, Optional

from .command_line import YES, Commands
from .reading import Reader, ReadingError, answer, find_run, is_json, json_text, print_line
from .show_text import DRAWN, show_text

Json = dict[str, Any]

#: More than a terminal is wide, and the fewest that a server gives.
_POINTS, _OTHER_POINTS = 400, 10


def add_command(commands: Commands, everywhere: argparse.ArgumentParser) -> None:
    show = commands.add_parser(
        "show",
        parents=[everywhere],
        allow_abbrev=False,
        help="one run: curves, verdict, what went in and came out",
        epilog="example: runseal show support-lora-r8",
    )
    show.add_argument("run", help="id, its beginning, or name")
    show.set_defaults(work=work)


def work(options: argparse.Namespace) -> int:
    return answer(options, lambda reader: _show(reader, options))


def _show(reader: Reader, options: argparse.Namespace) -> int:
    run_id = find_run(reader, options.run)
    run = reader.get(f"/v1/runs/{run_id}")
    keys = "&".join(f"key={key}" for key in DRAWN)
    metrics = reader.get(f"/v1/runs/{run_id}/metrics?{keys}&points={_POINTS}")
    resources = reader.get(f"/v1/runs/{run_id}/resources?metric=cpu_percent&points={_OTHER_POINTS}")["summary"]
    verdict = _newest_verdict(reader, run_id)
    if is_json(options):
        print_line(json_text({"run": run, "metrics": metrics, "verdict": verdict, "resources": resources}))
        return YES
    others = reader.get(f"/v1/runs/{run_id}/metrics?points={_OTHER_POINTS}")
    print_line(show_text(run, metrics, others, verdict, resources))
    return YES


def _newest_verdict(reader: Reader, run: str) -> Optional[Json]:
    try:
        items = reader.get(f"/v1/runs/{run}/gates?limit=1")["items"]
    except ReadingError as error:
        # Gates may not have read as far as lineage has.
        if error.status == 404:
            return None
        raise
    return items[0] if items else None
