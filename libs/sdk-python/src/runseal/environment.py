"""What the environment says to the client; the only place that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple, Optional


class Environment(NamedTuple):
    """Every member is None where its variable is unset or empty."""

    url: Optional[str]
    api_key: Optional[str]
    run_id: Optional[str]
    experiment: Optional[str]
    drain_s: Optional[str]
    ca_file: Optional[str]
    spool_dir: Optional[str]
    disabled: Optional[str]
    #: Which process of several this is, as torchrun and its kind tell.
    rank: Optional[str]
    #: Set by `runseal run` for its children: the attempt that it started, and the folder where both leave word.
    attempt_id: Optional[str] = None
    wrapper_dir: Optional[str] = None
    #: 1: losses that are not finite are logged as they are.
    raw_loss: Optional[str] = None
    #: stop: the server may have a training stopped.
    on_alert: Optional[str] = None
    #: The container image, with its digest.
    image: Optional[str] = None
    #: Processes of a training on this machine, as torchrun and its kind tell.
    local_processes: Optional[str] = None
    #: Which machine of several this is, as launchers tell.
    node_rank: Optional[str] = None


def read_environment() -> Environment:
    names = (
        "RUNSEAL_URL",
        "RUNSEAL_API_KEY",
        "RUNSEAL_RUN_ID",
        "RUNSEAL_EXPERIMENT",
        "RUNSEAL_DRAIN_S",
        "RUNSEAL_CA_FILE",
        "RUNSEAL_SPOOL_DIR",
        "RUNSEAL_DISABLED",
        "RANK",
        "RUNSEAL_ATTEMPT_ID",
        "RUNSEAL_WRAPPER_DIR",
        "RUNSEAL_RAW_LOSS",
        "RUNSEAL_ON_ALERT",
        "RUNSEAL_IMAGE",
        "LOCAL_WORLD_SIZE",
        "NODE_RANK",
    )
    return Environment(*(os.environ.get(name) or None for name in names))


def child_variables(own: Mapping[str, Optional[str]], hook: str) -> dict[str, str]:
    """The variables of a command below a wrapper: this process's, with `own` put in where they tell something, and the folder
    of the import hook in front of PYTHONPATH."""
    variables = {**os.environ, **{name: value for name, value in own.items() if value is not None}}
    before = os.environ.get("PYTHONPATH")
    variables["PYTHONPATH"] = hook if not before else os.pathsep.join([hook, before])
    # Behind a pipe Python would hold back what it prints.
    variables.setdefault("PYTHONUNBUFFERED", "1")
    return variables


def read_variables() -> Mapping[str, str]:
    """All variables, for what names them itself: `${NAME}` in a configuration."""
    return dict(os.environ)
