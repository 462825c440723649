"""The command `runseal` of the Python package. Exit codes: 0 yes, 1 no, 2 could not be determined."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import Callable, Optional

from .clock import time_text
from .config import Config, ConfigError, default_spool, read_config
from .credentials import find_credentials
from .environment import read_environment
from .receipt import Receipt
from .send_spool import FolderResult, send_spool
from .version import VERSION

YES, NO, UNDETERMINED = 0, 1, 2

#: Commands of the program that comes with the server.
_ELSEWHERE = frozenset(
    """runs show why compare lineage audit-record check accept-warnings baseline models promote approve verify evidence
    export import tail keys migrate topics rebuild doctor standalone demo""".split()
)
_AGES = {"m": 60, "h": 3600, "d": 86_400}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs one command line and returns its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in given if not word.startswith("-")), "")
    if command in _ELSEWHERE:
        line = f'"{command}" belongs to the program that comes with the server: npx runseal {command}'
        print(f"runseal: {line} (in a checkout of Runseal, after npm ci)", file=sys.stderr)
        return UNDETERMINED
    try:
        options = _parser().parse_args(given)
        return int(options.work(options))
    except SystemExit as end:
        # argparse ends with 2 for wrong arguments, which is what 2 means here too.
        return end.code if isinstance(end.code, int) else UNDETERMINED
    except (ConfigError, OSError, ValueError) as error:
        print(f"runseal: {error}", file=sys.stderr)
        return UNDETERMINED
    except KeyboardInterrupt:
        return UNDETERMINED


def _parser() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    everywhere.add_argument("--url", help="address of the server (RUNSEAL_URL)")
    everywhere.add_argument("--key", help="API key (RUNSEAL_API_KEY)")
    everywhere.add_argument("--json", action="store_true", help="one line of JSON instead of text")
    parser = argparse.ArgumentParser("runseal", description="Records fine-tuning runs.", parents=[everywhere])
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(metavar="command", required=True)
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
        action.set_defaults(work=_send)
    return parser


def _send(options: argparse.Namespace) -> int:
    since = getattr(options, "since", None)
    is_lost = None if since is None else read_since(since, time.time())
    config = _read_config(options)
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


def _read_config(options: argparse.Namespace) -> Config:
    environment = read_environment()
    url, key = getattr(options, "url", None), getattr(options, "key", None)
    own = find_credentials(os.getcwd())
    faults: list[str] = []
    wanted = url or environment.url or (own.url if own else None)
    config = read_config(
        environment, faults, url=wanted, api_key=key, spool_dir=options.dir or environment.spool_dir or default_spool()
    )
    # The file's key goes to the file's own server only.
    if config.api_key is None and own is not None and own.url.rstrip("/") == config.url:
        return config._replace(api_key=own.api_key)
    return config


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
