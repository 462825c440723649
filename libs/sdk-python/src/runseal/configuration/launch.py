"""What a command line is about to train: the program, its configuration, and the command as it is really started."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

from ..events.payloads import Json
from .yaml_config import ConfigRefused, YamlConfig, read_yaml_config

_LLAMA_FACTORY = re.compile(r"(?:llamafactory|lmf|llamafactory-cli)(?:\.exe)?\Z|llamafactory[.\w]*\Z")
_CONFIG = (".yaml", ".yml", ".json")


class Launch(NamedTuple):
    command: list[str]
    #: Whether LLaMA-Factory reads the configuration.
    is_llama_factory: bool
    #: Where the configuration stands in the command; None where there is none.
    config_at: Optional[int]
    config: Optional[YamlConfig]
    #: Why the configuration is not read; None where it is, or there is none.
    fault: Optional[str]
    #: The configuration's file, read or not; None where none is named.
    config_path: Optional[str]

    @property
    def values(self) -> Json:
        return self.config.values if self.config is not None else {}

    @property
    def output_dir(self) -> Optional[str]:
        return text_or_none(self.values.get("output_dir"))

    @property
    def objective(self) -> Optional[str]:
        stage, loss = text_or_none(self.values.get("stage")), text_or_none(self.values.get("pref_loss"))
        found = loss if stage == "dpo" and loss not in (None, "sigmoid") else stage
        return found if found and re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", found) else None


def read_launch(command: Sequence[str], config: Optional[str] = None) -> Launch:
    """Looks at a command, and reads the configuration that it or `config` names. Never raises."""
    words = list(command)
    program = next((at for at, word in enumerate(words[:8]) if _LLAMA_FACTORY.match(os.path.basename(word))), None)
    named = (at for at, word in enumerate(words) if at > 0 and word.endswith(_CONFIG) and os.path.isfile(word))
    at = next((at for at, word in enumerate(words) if word == config), next(named, None))
    path = config or (None if at is None else words[at])
    if path is None:
        return Launch(words, program is not None, None, None, None, None)
    overrides = words[at + 1 :] if program is not None and at is not None else []
    try:
        return Launch(words, program is not None, at, read_yaml_config(path, overrides), None, path)
    except (ConfigRefused, OSError, ValueError) as refused:
        return Launch(words, program is not None, at, None, str(refused), path)


def expanded_command(launch: Launch, folder: str) -> list[str]:
    """The command with the configuration in whose place `${...}` stands what it means, written into a private folder: the
    trainer would read it literally. Raises OSError where it cannot be written."""
    config, at = launch.config, launch.config_at
    if config is None or at is None or not launch.is_llama_factory or config.expanded == config.raw:
        return launch.command
    path = os.path.join(folder, os.path.basename(config.path))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(config.expanded)
    return [*launch.command[:at], path, *launch.command[at + 1 :]]


def text_or_none(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None
