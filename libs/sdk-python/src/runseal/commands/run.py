"""`runseal run`: puts itself in front of a training, and records it from its start to its end."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, NoReturn, Optional

from ..config import Config, ConfigError
from ..configuration.launch import Launch, read_launch
from ..configuration.stated_facts import FACT_NAMES, read_facts
from ..environment import Environment, read_environment, read_variables
from ..events.payloads import Json
from ..recording.wrapped import find_wrapped
from ..say import words_of
from .command_line import UNDETERMINED, Commands, read_client_config


def add_command(commands: Commands, everywhere: argparse.ArgumentParser) -> None:
    run = commands.add_parser(
        "run",
        parents=[everywhere],
        help="run a training and record it, whatever ends it",
        usage="runseal run [options] -- command ...",
        epilog="example: runseal run --experiment support-bot -- llamafactory-cli train train.yaml. "
        "Ends with the command's own exit code, 128 + n for a signal; 2 where it was not started.",
    )
    run.add_argument("--experiment", help="what the run belongs to (RUNSEAL_EXPERIMENT); else the output folder's name")
    run.add_argument("--model", help="the model that comes of it: the name in the registry")
    run.add_argument("--name", help="what people call the run; else the configuration's run_name")
    run.add_argument(
        "--task", action="append", default=[], help="a task that the gates judge; may be told several times"
    )
    run.add_argument("--run", metavar="ID", help="go on with this run: a new attempt of it")
    run.add_argument("--config", metavar="FILE", help="the configuration, where the command does not name it")
    run.add_argument(
        "--facts",
        metavar="FILE",
        help=f"YAML with what nothing else tells: {', '.join(FACT_NAMES)}; recorded as stated",
    )
    run.add_argument(
        "--output-dir", metavar="DIR", help="where the training writes, where the configuration does not say"
    )
    run.add_argument(
        "--strict", action="store_true", help="do not start where preflight finds a fault or recording fails"
    )
    run.add_argument("--on-alert", choices=["stop"], help="let the server have the training stopped")
    run.set_defaults(work=work, takes_behind=True)


def work(options: argparse.Namespace) -> int:
    command: list[str] = options.behind or []
    if not command:
        raise ValueError("there is no command: runseal run [options] -- command ...")
    environment = read_environment()
    reason = _why_not_recorded(environment)
    if reason is not None:
        _say(reason)
        run_as_it_is(command)
    facts = read_facts(options.facts) if options.facts else {}
    launch = read_launch(command, options.config)
    if launch.fault is not None:
        _say(f"the configuration cannot be read: {launch.fault}")
    found = _preflight(launch, (options, facts), environment)
    if options.strict and (found is None or found):
        _say("not started, because of --strict")
        return UNDETERMINED
    try:
        return _record(launch, (options, facts, found), environment, read_client_config(options))
    except (ConfigError, OSError, ValueError) as error:
        _say(f"{error}")
        if options.strict:
            _say("not started, because of --strict")
            return UNDETERMINED
        _say("the command runs unrecorded")
        run_as_it_is(command)


def _record(
    launch: Launch, told: tuple[argparse.Namespace, Json, Optional[list[str]]], environment: Environment, config: Config
) -> int:
    from ..wrapper.start import Wish
    from ..wrapper.wrapper import run_wrapped

    options, facts, found = told
    wish = Wish(
        experiment=options.experiment or environment.experiment,
        model=options.model,
        name=options.name,
        tasks=options.task,
        run=options.run or environment.run_id,
        output_dir=options.output_dir,
        facts=facts,
        preflight=found if _is_looked_at(launch) else None,
        obeys_stop=options.on_alert == "stop",
    )
    return run_wrapped(launch, wish, config)


def run_as_it_is(command: list[str], variables: Optional[dict[str, str]] = None) -> NoReturn:
    """Takes the command's place. Does not return."""
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, variables or dict(read_variables()))
    except OSError as error:
        _say(f"{command[0]}: the command could not be started: {error.strerror or error}")
        raise SystemExit(127 if isinstance(error, FileNotFoundError) else 126) from None


def _why_not_recorded(environment: Environment) -> Optional[str]:
    if environment.disabled == "1":
        return "RUNSEAL_DISABLED=1: the command runs unrecorded"
    if find_wrapped(environment) is not None:
        return "a runseal run above this one records already"
    for name, rank in (("NODE_RANK", environment.node_rank), ("RANK", environment.rank)):
        if rank not in (None, "0"):
            return f"{name} is {rank}: the first machine records"
    return None


def _is_looked_at(launch: Launch) -> bool:
    return launch.config is not None and launch.is_llama_factory


def _preflight(launch: Launch, told: tuple[argparse.Namespace, Json], environment: Environment) -> Optional[list[str]]:
    """Prints what preflight finds, and returns the names of what is wrong; None where it could not look."""
    options, facts = told
    config = launch.config
    if config is None or not launch.is_llama_factory:
        return []
    try:
        from ..preflight import check_read_config
        from .preflight import counts, lines_of

        experiment = options.experiment or environment.experiment
        more: Any = {"experiment": experiment, "is_wrapped": True, "hash_bytes_max": 16 * 1024 * 1024, "stated": facts}
        wrong = [one for one in check_read_config(config, read_variables(), **more) if counts(one, True)]
        if wrong:
            print("\n".join(lines_of(config, wrong, everything=False, colour=False)), file=sys.stderr, flush=True)
        return [one.id for one in wrong]
    except Exception as error:
        _say(f"preflight failed: {words_of(error)}")
        return None


def _say(line: str) -> None:
    print(f"runseal: {line}", file=sys.stderr, flush=True)
