"""What callers know becomes payloads: what they leave out is said to be unknown (None) rather than left away, because a
payload's schema is closed and complete."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

if TYPE_CHECKING:
    from ..files.hash_path import PathContent

Json = dict[str, Any]
Scalar = Union[str, int, float, bool, None]

#: The schema's limit on a parameter's text.
_TEXT_MAX = 16_384
_LIST_MAX = 1000
_INTEGER_MAX = 2**53 - 1

BLANK_RUN: Json = {
    "name": None,
    "target_model": None,
    "tasks": None,
    "objective": None,
    "trainer": None,
    "expected_samples_per_second": None,
    "tags": {},
    "asserted": [],
}
BLANK_ATTEMPT: Json = {"resumes": None, "total_steps": None, "total_epochs": None, "processes": None, "asserted": []}
BLANK_ENDING: Json = {
    "total_steps": None,
    "completed_steps": None,
    "epochs_completed": None,
    "active_seconds": None,
    "final_weights": None,
    "best_checkpoint": None,
    "asserted": [],
}
BLANK_CHECKPOINT: Json = {"epoch": None, "path": None, "digest": None, "size_bytes": None, "asserted": []}
BLANK_OUTPUT: Json = {
    "type": None,
    "path": None,
    "digest": None,
    "size_bytes": None,
    "files": None,
    "tensors_finite": None,
    "asserted": [],
}
_BLANK_CONTENT: Json = {"source": None, "path": None, "digest": None, "asserted": []}
BLANK_INPUTS: dict[str, Json] = {
    "base_model": {**_BLANK_CONTENT, "revision": None, "license": None},
    "dataset": {**_BLANK_CONTENT, "name": None, "version": None, "samples": None, "schema": None, "license": None},
    "config": {"path": None, "digest": None, "resolved_digest": None, "git": None, "asserted": []},
    "other": {**_BLANK_CONTENT, "name": None},
}
BLANK_EVALUATION: Json = {
    "row": None,
    "weights": None,
    "task": None,
    "metrics": [],
    "evaluator": None,
    "raters": None,
    "after_training": None,
    "asserted": [],
}
BLANK_SET: Json = {"name": None, "version": None, "digest": None, "split": None, "samples": None}
BLANK_ENVIRONMENT: Json = {
    "seeds": {"seed": None, "data_seed": None, "numpy_seed": None},
    "versions": {},
    "platform": None,
    "hardware": {"gpu_type": None, "gpu_count": None, "cuda_version": None, "driver_version": None, "hosts": None},
    "determinism": {"cudnn_deterministic": None, "cudnn_benchmark": None, "deterministic_algorithms": None},
    "variables": {},
    "image_digest": None,
    "lock_digest": None,
    "asserted": [],
}


def fill(blank: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    """The blank with what is given in its place; None counts as left out. Objects of the blank are filled the same way."""
    filled = dict(blank)
    for name, value in given.items():
        if value is None:
            continue
        inner = blank.get(name)
        filled[name] = fill(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else plain(value)
    return filled


def plain(value: Any) -> Any:
    """A copy as plain JSON data, so that nothing that the caller changes later is recorded: tuples are lists, paths texts."""
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def flatten_parameters(parameters: Mapping[Any, Any]) -> dict[str, Any]:
    """Parameters as a flat map: nested mappings get dotted names, lists of scalars stay, the rest is its text.

    Non-finite numbers become their strings, and so do integers that no double holds. A text beyond 16,384 characters is
    recorded by its digest.
    """
    flat: dict[str, Any] = {}
    pending: list[tuple[str, Any, int]] = [(str(name), value, 0) for name, value in parameters.items()]
    while pending:
        name, value, depth = pending.pop(0)
        if isinstance(value, Mapping) and value and depth < 16 and len(pending) < 5000:
            pending += [(f"{name}.{key}", member, depth + 1) for key, member in value.items()]
        elif isinstance(value, (list, tuple)) and len(value) <= _LIST_MAX and all(map(_is_scalar, value)):
            flat[name] = [_encode(one) for one in value]
        else:
            flat[name] = _encode(value) if _is_scalar(value) else _shortened(_text_of(value))
    return flat


def encode_number(value: Any) -> Union[int, float, str, None]:
    """A metric's value as it travels; None for what is no number at all. Scalars of numpy and torch are read."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else _name_of(value)
    if kind is int:
        return value if -_INTEGER_MAX <= value <= _INTEGER_MAX else _large(value)
    if kind is bool or value is None:
        return None
    if isinstance(value, str):
        return value if value in ("NaN", "Infinity", "-Infinity") else None
    try:
        return encode_number(float(value))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def describe_content(content: Optional[PathContent]) -> Json:
    """Members of an artifact's registration that tell what was hashed, unknown where nothing was; the rest is the caller's."""
    blank: Json = {"name": None, "asserted": [], "form": None, "size_bytes": None, "files": None}
    if content is None:
        return blank
    files = None if content.files is None else [file._asdict() for file in content.files]
    return {**blank, "form": content.form, "size_bytes": content.size_bytes, "files": files}


def describe_error(error: object) -> Json:
    """Type and message of what ended a run, as its event takes them."""
    if isinstance(error, BaseException):
        return {"type": _clean(type(error).__name__, 250), "message": _clean(_told_by(error), 4000)}
    if isinstance(error, dict):
        # As another process has told it, by these names.
        return {"type": error.get("type"), "message": error.get("message")}
    return {"type": None, "message": _clean(_told_by(error), 4000)}


def _told_by(error: object) -> str:
    try:
        return str(error)
    except Exception:
        # An end without a message is better than none.
        return ""


def _clean(text: str, length: int) -> Optional[str]:
    well_formed = text.replace("\0", "").encode(errors="replace").decode()
    return well_formed[:length] or None


def _large(value: int) -> Union[float, str]:
    try:
        return float(value)
    except OverflowError:
        return "Infinity" if value > 0 else "-Infinity"


def _name_of(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _is_scalar(value: Any) -> bool:
    return value is None or type(value) in (str, int, float, bool)


def _encode(value: Scalar) -> Scalar:
    if type(value) is float and not math.isfinite(value):
        return _name_of(value)
    if type(value) is int and abs(value) > _INTEGER_MAX:
        return str(value)
    return _shortened(value) if type(value) is str else value


def _shortened(text: str) -> str:
    if len(text) <= _TEXT_MAX:
        return text
    import hashlib

    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"sha256:{digest} ({len(text)} characters)"


def _text_of(value: Any) -> str:
    if isinstance(value, (dict, list, tuple)):
        try:
            return json.dumps(value, ensure_ascii=False, default=str)
        except (TypeError, ValueError, RecursionError):
            return str(value)
    # Members of an enumeration that is made of texts or numbers are what they stand for.
    inner = getattr(value, "value", None)
    return str(inner) if isinstance(value, (str, int, float)) and inner is not None else str(value)
