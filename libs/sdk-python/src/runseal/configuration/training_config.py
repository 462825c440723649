"""The file that configures a training: a YAML on the command line, else the script itself."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Optional

Json = dict[str, Any]


def config_file(arguments: Sequence[str]) -> Optional[str]:
    """Path of the file that a command line (`sys.argv`) names as its configuration, else of the script; None for neither."""
    named = (one for one in arguments[1:] if one.endswith((".yaml", ".yml", ".json")) and os.path.isfile(one))
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    is_own = isinstance(script, str) and script.endswith(".py") and "site-packages" not in script
    found = next(named, script if is_own else None)
    return os.path.abspath(found) if found else None


def read_parameters(arguments: Sequence[str]) -> Json:
    """What a YAML or JSON on the command line says, for trainers that are configured so; empty where there is none, or where it
    cannot be read."""
    path = config_file(arguments)
    if path is None or path.endswith(".py"):
        return {}
    with suppress(Exception), open(path, encoding="utf-8") as file:
        text = file.read()
        if path.endswith(".json"):
            told = json.loads(text)
        else:
            import yaml

            told = yaml.safe_load(text)
        return {str(name): value for name, value in told.items()}
    return {}
