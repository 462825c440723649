"""A configuration as the checks look at it, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

from ..configuration.yaml_config import YamlConfig
from ..events.masking import is_secret_name, mask_text
from .catalogue import KINDS


class Finding(NamedTuple):
    #: One of the catalogue's.
    id: str
    #: error, warn, info (worth knowing) or ok.
    severity: str
    group: str
    #: The key it is about, and the file's line where that stands; None where it is about none, or not in the file.
    key: Optional[str]
    line: Optional[int]
    found: str
    #: Empty where it is ok.
    wanted: str
    #: Lines for the YAML, or a command; empty where there is nothing to paste.
    fix: str


class Subject(NamedTuple):
    config: YamlConfig
    variables: Mapping[str, str]
    #: From the command line.
    experiment: Optional[str]
    #: Whether `runseal run` stands in front of the trainer.
    is_wrapped: bool
    #: Data files beyond are not hashed to compare them; None: all are.
    hash_bytes_max: Optional[int]
    #: What a person states of the run (`--facts`).
    stated: Mapping[str, Any]

    def value(self, key: str, default: Any = None) -> Any:
        """What the trainer takes: a missing key is the default, and so is null, but for where that matters."""
        value = self.config.values.get(key)
        return default if value is None else value

    def text(self, key: str) -> Optional[str]:
        """A text that says something, None for anything else."""
        value = self.config.values.get(key)
        return value.strip() if isinstance(value, str) and value.strip() else None

    def is_on(self, key: str) -> bool:
        """As Python, and so the trainer, takes it: the text "false" is on."""
        return bool(self.config.values.get(key))

    def number(self, key: str) -> Optional[float]:
        value = self.config.values.get(key)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def strategy(self, kind: str) -> Optional[str]:
        """`eval`, `logging` or `save`: no, steps, epoch, best; None for what is none of them."""
        value = self.value(f"{kind}_strategy", "no" if kind == "eval" else "steps")
        return value if isinstance(value, str) and value in STRATEGIES[kind] else None

    def shown(self, key: str) -> str:
        """`key: value` as YAML has it, without secrets."""
        value = self.config.values.get(key)
        if is_secret_name(key):
            return f"{key}: [masked]"
        word = (
            {None: "null", True: "true", False: "false"}.get(value)
            if value is None or value is True or value is False
            else None
        )
        return mask_text(f"{key}: {word or value}")[:200]

    def is_enabled(self, variable: str) -> bool:
        """As LLaMA-Factory reads its switches."""
        return self.variables.get(variable, "0").lower() in ("true", "y", "1")

    def say(
        self, id: str, severity: str, found: str, wanted: str = "", fix: str = "", key: Optional[str] = None
    ) -> Finding:
        line = self.config.lines.get(key) if key is not None else None
        return Finding(id, severity, KINDS[id].group, key, line, found, wanted, fix)


STRATEGIES = {
    "logging": ("no", "steps", "epoch"),
    "eval": ("no", "steps", "epoch"),
    "save": ("no", "steps", "epoch", "best"),
}
