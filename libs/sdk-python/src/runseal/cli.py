"""The command `runseal` of the Python package. Exit codes: 0 yes, 1 no, 2 could not be determined."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Optional

from .commands import attach, gates, preflight, run, show, spool, watch
from .commands.command_line import UNDETERMINED
from .config import ConfigError
from .version import VERSION

#: One module a command; each has `add_command(commands, everywhere)`.
_COMMANDS = (run, watch, attach, spool, preflight, show, gates)

#: Commands of the program that comes with the server.
_ELSEWHERE = frozenset(
    """runs compare lineage audit-record check accept-warnings baseline models promote tag approve verify evidence export
    import tail keys migrate topics rebuild doctor standalone demo""".split()
)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs one command line and returns its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    # What stands behind `--` is somebody else's command line and none of the parser's business.
    ours, theirs = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, None)
    command = _command_of(ours)
    if command in _ELSEWHERE:
        line = f'"{command}" belongs to the program that comes with the server: npx runseal {command}'
        print(f"runseal: {line} (in a checkout of Runseal, after npm ci)", file=sys.stderr)
        return UNDETERMINED
    try:
        options = _parser().parse_args(ours, argparse.Namespace(behind=theirs))
        if theirs is not None and not getattr(options, "takes_behind", False):
            raise ValueError(f'"{command}" takes no "--"')
        return int(options.work(options))
    except SystemExit as end:
        # argparse ends with 2 for wrong arguments, which is what 2 means here too.
        return end.code if isinstance(end.code, int) else UNDETERMINED
    except (ConfigError, OSError, ValueError) as error:
        print(f"runseal: {error}", file=sys.stderr)
        return UNDETERMINED
    except KeyboardInterrupt:
        return UNDETERMINED


def _command_of(words: list[str]) -> str:
    """The first word that is no option and no option's value."""
    values = {place + 1 for place, word in enumerate(words) if word in ("--url", "--key")}
    return next((word for place, word in enumerate(words) if place not in values and not word.startswith("-")), "")


def _parser() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    everywhere.add_argument("--url", help="address of the server (RUNSEAL_URL)")
    everywhere.add_argument("--key", help="API key (RUNSEAL_API_KEY)")
    everywhere.add_argument("--json", action="store_true", help="one line of JSON instead of text")
    parser = argparse.ArgumentParser("runseal", description="Records fine-tuning runs.", parents=[everywhere])
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(metavar="command", required=True)
    for module in _COMMANDS:
        module.add_command(commands, everywhere)
    return parser
