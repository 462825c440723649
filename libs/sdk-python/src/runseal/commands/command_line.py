"""What the commands of `runseal` have in common."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, Optional

from ..config import Config, default_spool, read_config
from ..delivery.credentials import find_credentials
from ..environment import read_environment

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

#: Exit codes: yes, no, could not be determined.
YES, NO, UNDETERMINED = 0, 1, 2

#: Takes the commands: `commands.add_parser(name, parents=[everywhere], ...)`, then `set_defaults(work=...)` with a function
#: from the parsed options to an exit code.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def read_client_config(options: argparse.Namespace, spool_dir: Optional[str] = None, **more: Any) -> Config:
    """Where the server is and where the spool lies: `--url` and `--key` over the environment over the credentials file that
    the server leaves on its own machine. Raises a ConfigError, OSError or ValueError with what is wrong."""
    environment = read_environment()
    url, key = getattr(options, "url", None), getattr(options, "key", None)
    own = find_credentials(os.getcwd())
    faults: list[str] = []
    wanted = url or environment.url or (own.url if own else None)
    folder = spool_dir or environment.spool_dir or default_spool()
    config = read_config(environment, faults, url=wanted, api_key=key, spool_dir=folder, **more)
    # The file's key goes to the file's own server only.
    if config.api_key is None and own is not None and own.url.rstrip("/") == config.url:
        return config._replace(api_key=own.api_key)
    return config
