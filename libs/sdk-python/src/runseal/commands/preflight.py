"""`runseal preflight`: looks at a training's configuration before it is trained with."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from ..configuration.yaml_config import ConfigRefused, YamlConfig, read_yaml_config
from ..environment import read_variables
from ..preflight import check_read_config
from ..preflight.catalogue import KINDS
from ..preflight.file import known_keys
from ..preflight.subject import Finding
from .command_line import NO, UNDETERMINED, YES, Commands

_COLOURS = {"error": "\033[31m", "warn": "\033[33m", "info": "\033[36m", "ok": "\033[32m"}
_DIM, _PLAIN = "\033[2m", "\033[0m"


def add_command(commands: Commands, everywhere: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "preflight",
        parents=[everywhere],
        help="look at a LLaMA-Factory configuration before it is trained with",
        epilog="example: runseal preflight train.yaml learning_rate=1e-4. Exit codes: 0 all is well, 1 something is not, "
        "2 the file cannot be read.",
    )
    command.add_argument("config", metavar="train.yaml")
    command.add_argument(
        "overrides", nargs="*", metavar="key=value", help="as behind llamafactory-cli train train.yaml"
    )
    command.add_argument("--experiment", help="as for runseal run (RUNSEAL_EXPERIMENT)")
    command.add_argument("--strict", action="store_true", help="warnings count as errors")
    command.add_argument("--all", action="store_true", help="show what is well, too")
    command.set_defaults(work=work)
    _allow_options_between(command)


def _allow_options_between(command: argparse.ArgumentParser) -> None:
    """`train.yaml --strict key=value`: argparse takes words behind an option for unknown ones."""
    plain = command.parse_known_args

    def parse(args: Any = None, namespace: Any = None) -> Any:
        options, rest = plain(args, namespace)
        options.overrides = [*options.overrides, *(one for one in rest if not one.startswith("-"))]
        return options, [one for one in rest if one.startswith("-")]

    command.parse_known_args = parse  # type: ignore[method-assign]


def work(options: argparse.Namespace) -> int:
    variables = read_variables()
    as_json = getattr(options, "json", False)
    try:
        config = read_yaml_config(options.config, options.overrides, variables)
    except ConfigRefused as refused:
        if not as_json:
            raise
        told = {"message": str(refused), "line": refused.line or None, "column": refused.column or None}
        print(json.dumps({"verdict": "undetermined", "error": told}))
        return UNDETERMINED
    findings = check_read_config(config, variables, experiment=options.experiment)
    is_well = not any(counts(one, options.strict) for one in findings)
    if as_json:
        print(json.dumps(_as_json(config, findings, is_well)))
    else:
        print("\n".join(lines_of(config, findings, everything=options.all, colour=_is_terminal(variables))))
    return YES if is_well else NO


def counts(finding: Finding, is_strict: bool) -> bool:
    """Whether a finding fails."""
    return finding.severity == "error" or (is_strict and finding.severity == "warn")


def lines_of(config: YamlConfig, findings: Sequence[Finding], *, everything: bool, colour: bool) -> list[str]:
    """What a person reads: by group, what is well left out unless asked for, and a line that sums it up."""

    def paint(text: str, code: str) -> str:
        return f"{code}{text}{_PLAIN}" if colour else text

    lines: list[str] = []
    shown = [one for one in findings if everything or one.severity != "ok"]
    for group in dict.fromkeys(kind.group for kind in KINDS.values()):
        inside = [one for one in shown if one.group == group]
        lines += [group] if inside else []
        for one in inside:
            place = f"{config.path}:{one.line}: " if one.line else ""
            wanted = f"; wanted: {one.wanted}" if one.wanted else ""
            lines.append(f"  {paint(f'{one.severity:<5}', _COLOURS[one.severity])} {place}{one.found}{wanted}")
            lines += [paint(f"          {line}", _DIM) for line in one.fix.splitlines()]
            if one.severity != "ok":
                lines[-1 - len(one.fix.splitlines())] += paint(f"  [{one.id}]", _DIM)
    return [*lines, _summary(config, findings)]


def _summary(config: YamlConfig, findings: Sequence[Finding]) -> str:
    count = {severity: sum(one.severity == severity for one in findings) for severity in _COLOURS}
    names = {"error": "errors", "warn": "warnings", "info": "remarks"}
    parts = [
        f"{count[severity]} {name if count[severity] != 1 else name[:-1]}"
        for severity, name in names.items()
        if count[severity]
    ]
    told = ", ".join(parts) if parts else "all is well"
    return f"{config.path}: {told}" + (f" ({count['ok']} checks are fine)" if count["ok"] else "")


def _as_json(config: YamlConfig, findings: Sequence[Finding], is_well: bool) -> dict[str, Any]:
    git = config.git
    table = known_keys()
    return {
        "verdict": "clean" if is_well else "findings",
        "errors": sum(one.severity == "error" for one in findings),
        "warnings": sum(one.severity == "warn" for one in findings),
        "config": {
            "path": os.path.abspath(config.path),
            "digest": config.digest,
            "expanded_digest": config.expanded_digest,
            "resolved_digest": config.resolved_digest,
            "git": None if git is None else {name: value for name, value in git._asdict().items() if name != "root"},
            "unset": config.unset,
        },
        "known_keys": {"llamafactory": table.llamafactory, "transformers": table.transformers},
        "findings": [one._asdict() for one in findings],
    }


def _is_terminal(variables: Any) -> bool:
    return sys.stdout.isatty() and not variables.get("NO_COLOR") and variables.get("TERM") != "dumb"
