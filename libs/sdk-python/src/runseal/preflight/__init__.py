"""Looks at a LLaMA-Factory configuration before the hours on the GPU are spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, Optional

from ..configuration.yaml_config import YamlConfig, read_yaml_config
from ..environment import read_variables
from .catalogue import KINDS
from .data import check_datasets, check_model
from .file import check_git, check_keys, check_name, check_required, check_values, check_variables
from .output import check_output, check_precision
from .steps import (
    check_evaluation,
    check_experiment,
    check_logging,
    check_reporting,
    check_saving,
    check_seeds,
)
from .subject import Finding, Subject

__all__ = ["Finding", "check_config", "check_read_config"]

_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    check_name,
    check_git,
    check_variables,
    check_keys,
    check_required,
    check_values,
    check_datasets,
    check_model,
    check_experiment,
    check_seeds,
    check_reporting,
    check_logging,
    check_evaluation,
    check_saving,
    check_output,
    check_precision,
)
_ORDER = {id: place for place, id in enumerate(KINDS)}


def check_config(
    path: str, overrides: Sequence[str] = (), environment: Optional[Mapping[str, str]] = None
) -> list[Finding]:
    """Reads a configuration and says what is well (`ok`) and what is not, in the catalogue's order.

    Relative paths in it count from the current folder, as for the trainer. Raises ConfigRefused where it cannot be read, as
    `read_yaml_config` does.
    """
    variables = read_variables() if environment is None else environment
    return check_read_config(read_yaml_config(path, overrides, variables), variables)


def check_read_config(
    config: YamlConfig,
    variables: Mapping[str, str],
    *,
    experiment: Optional[str] = None,
    is_wrapped: bool = False,
    hash_bytes_max: Optional[int] = None,
    stated: Optional[Mapping[str, Any]] = None,
) -> list[Finding]:
    """The same of a configuration that is read already. Touches nothing; reads data files as far as `hash_bytes_max` bytes."""
    subject = Subject(config, variables, experiment, is_wrapped, hash_bytes_max, stated or {})
    found = [finding for check in _CHECKS for finding in check(subject)]
    return sorted(found, key=lambda one: _ORDER[one.id])
