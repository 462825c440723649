"""`runseal spool`: delivers what training processes left behind."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from typing import Callable

from ..clock import time_text
from ..delivery.send_spool import FolderResult, send_spool
from ..receipt import Receipt
from .command_line import NO, UNDETERMINED, YES, Commands, read_client_config

_AGES = {"m": 60, "h": 3600, "d": 86_400}


def add_command(commands: Commands, everywhere: argparse.ArgumentParser) -> None:
    spool = commands.add_parser("spool", help="deliver what training processes left behind")
    actions = spool.add_subparsers(metavar="action", required=True)
    send = actions.add_parser(
        "send", parents=[everywhere], help="send what is not acknowledged yet", epilog="example: runseal spool send"
    )
    resend = actions.add_parser(
        "resend",
        parents=[everywhere],
        help="send acknowledged events again, after a restore of the server; what it has is not sealed twice",
        epilog="example: runseal spool resend --since 2d",
    )
    resend.add_argument(
        "--since",
        required=True,
        metavar="WHEN",
        help="an age (90m, 36h, 7d), a time (2026-01-26T10:30:00Z; UTC where no zone is told), or <epoch>/<seq>: the new "
        "epoch and its kept size, as the server's operator tells them",
    )
    for action in (send, resend):
        action.add_argument("dir", nargs="?", help="the spool (RUNSEAL_SPOOL_DIR, else ~/.runseal/spool)")
        action.set_defaults(work=work)


def work(options: argparse.Namespace) -> int:
    since = getattr(options, "since", None)
    is_lost = None if since is None else read_since(since, time.time())
    config = read_client_config(options, options.dir)
    if not os.path.isdir(config.spool_dir):
        print(f"runseal: there is no spool at {config.spool_dir}", file=sys.stderr)
    results = send_spool(config, is_lost)
    if getattr(options, "json", False):
        total = {
            name: sum(getattr(one, name) for one in results) for name in ("delivered", "set_aside", "torn", "pending")
        }
        print(json.dumps({**total, "folders": [one._asdict() for one in results]}))
    else:
        for one in results:
            print(_line(one))
    if any(one.outcome in ("waiting", "held", "unreadable") for one in results):
        return UNDETERMINED
    return NO if any(one.set_aside for one in results) else YES


def _line(one: FolderResult) -> str:
    parts = [f"{one.delivered} delivered"]
    parts += [f"{count} {what}" for count, what in ((one.pending, "waiting"), (one.set_aside, "refused")) if count]
    parts += [f"{one.torn} torn ends cut off"] if one.torn else []
    parts += [one.detail] if one.detail else []
    return f"{one.producer}  {one.outcome:<10}  {', '.join(parts)}"


def read_since(text: str, now: float) -> Callable[[Receipt], bool]:
    """Which receipts an age, a time or a position names. Raises ValueError on anything else."""
    position = re.fullmatch(r"(\d{1,15})/(\d{1,15})", text)
    if position:
        epoch, seq = int(position[1]), int(position[2])
        return lambda receipt: receipt["epoch"] < epoch and receipt["seq"] >= seq
    age = re.fullmatch(r"(\d{1,9})([mhd])", text)
    if age:
        since = time_text(now - int(age[1]) * _AGES[age[2]])
    else:
        from datetime import datetime, timezone

        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise ValueError(f"--since is {text!r}, wanted an age such as 2d, a time, or <epoch>/<seq>") from None
        since = time_text((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())
    return lambda receipt: receipt["sealed_at"] >= since
