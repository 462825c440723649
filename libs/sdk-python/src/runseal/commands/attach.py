"""`runseal attach`: starts a command whose processes record into a run that exists, each training an attempt of its own."""

from __future__ import annotations

import argparse

from ..config import ConfigError, check_run_id
from ..environment import child_variables
from ..wrapper.wrapper import HOOK
from .command_line import Commands, read_client_config
from .run import run_as_it_is


def add_command(commands: Commands, everywhere: argparse.ArgumentParser) -> None:
    attach = commands.add_parser(
        "attach",
        parents=[everywhere],
        help="let the trainings below a command record into a run that exists",
        usage="runseal attach RUN [options] -- command ...",
        epilog="example: runseal attach 01936b6e-1111-7000-8000-000000000000 -- python train.py. The command takes this "
        "program's place; a training below it seals its own end.",
    )
    attach.add_argument("run", metavar="RUN", help="the run's id")
    attach.set_defaults(work=work, takes_behind=True)


def work(options: argparse.Namespace) -> int:
    command: list[str] = options.behind or []
    if not command:
        raise ValueError("there is no command: runseal attach RUN [options] -- command ...")
    faults: list[str] = []
    run = check_run_id(options.run, faults)
    if faults:
        raise ConfigError(faults)
    config = read_client_config(options)
    own = {
        "RUNSEAL_RUN_ID": run,
        "RUNSEAL_URL": config.url,
        "RUNSEAL_API_KEY": config.api_key,
        "RUNSEAL_CA_FILE": config.ca_file,
    }
    run_as_it_is(command, child_variables(own, HOOK))
