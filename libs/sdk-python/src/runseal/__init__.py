"""Records a training run: what went in, what happened, what came out. It never raises into the training after the start,
never waits for the network, and delivers later what it cannot deliver now."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .config import ConfigError
from .delivery.delivery import Delivery
from .files.hash_path import FileDigest, PathContent, hash_file, hash_folder, hash_path
from .recording.run import Run
from .recording.start import start_run
from .version import VERSION as __version__

if TYPE_CHECKING:
    from .document.audit_logger import AuditLogger
    from .gates.quality_gates import GateResult, QualityGates

#: Imported when they are asked for: a training that does not use them does not wait for them.
_LATER = {
    "AuditLogger": "document.audit_logger",
    "GateResult": "gates.quality_gates",
    "QualityGates": "gates.quality_gates",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AuditLogger",
    "ConfigError",
    "Delivery",
    "FileDigest",
    "GateResult",
    "PathContent",
    "QualityGates",
    "Run",
    "__version__",
    "hash_file",
    "hash_folder",
    "hash_path",
    "start_run",
]
