"""What trainers write about a training while it goes on: trainer_log.jsonl of LLaMA-Factory, trainer_state.json of every
Hugging Face trainer."""

from __future__ import annotations

import json
import math
import os
from typing import Any, NamedTuple, Optional

from ..events.payloads import Json, encode_number
from .checkpoints import step_of

#: Members of a line that place it; all others are values.
_PLACE = frozenset(["current_steps", "total_steps", "epoch", "percentage", "elapsed_time", "remaining_time"])
#: That file's short names for what everybody else calls otherwise.
_LONG_NAMES = {"lr": "learning_rate", "total_tokens": "num_input_tokens_seen"}
_STATE_BYTES_MAX = 256 * 1024 * 1024


class TrainerRow(NamedTuple):
    #: train, eval or summary
    kind: str
    step: Optional[float]
    epoch: Optional[float]
    values: Json


class LogFile:
    """trainer_log.jsonl, read on from where it was left; a line that is not whole yet waits."""

    def __init__(self, path: str, is_from_start: bool) -> None:
        """Unless `is_from_start`, what stands there already is an earlier attempt's and is left alone."""
        self._path = path
        self._offset = 0 if is_from_start else _size_of(path)
        self.total_steps: Optional[int] = None
        #: Whether the line is there that LLaMA-Factory writes when training ends: it has no loss.
        self.has_end = False

    def read(self) -> list[TrainerRow]:
        size = _size_of(self._path)
        if size < self._offset:
            # Deleted and begun again.
            self._offset = 0
        if size == self._offset:
            return []
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        end = data.rfind(b"\n") + 1
        self._offset += end
        return [row for line in data[:end].splitlines() for row in self._parse(line)]

    def _parse(self, line: bytes) -> list[TrainerRow]:
        try:
            entry = json.loads(line)
            step = _count(entry["current_steps"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return []
        self.total_steps = _count(entry.get("total_steps")) or self.total_steps
        # Where the trainer was told to count no tokens it writes 0: a gap, not a measurement.
        gaps = ("total_tokens", "throughput") if entry.get("total_tokens") == 0 else ()
        values = {
            _LONG_NAMES.get(name, name): encode_number(_number(name, value))
            for name, value in entry.items()
            if name not in _PLACE and name not in gaps
        }
        values = {name: value for name, value in values.items() if value is not None}
        self.has_end = not set(values) - {"num_input_tokens_seen", "throughput"}
        return (
            []
            if self.has_end or step is None
            else [TrainerRow(kind_of(values), step, _real(entry.get("epoch")), values)]
        )


class TrainerState(NamedTuple):
    rows: list[TrainerRow]
    global_step: Optional[int]
    max_steps: Optional[int]
    epoch: Optional[float]
    #: As the trainer names it.
    best_checkpoint: Optional[str]

    @property
    def best_step(self) -> Optional[int]:
        step = step_of(self.best_checkpoint) if self.best_checkpoint else -1
        return step if step >= 0 else None


def read_trainer_state(path: str) -> Optional[TrainerState]:
    """None where there is none, or none that can be read (yet)."""
    try:
        if os.path.getsize(path) > _STATE_BYTES_MAX:
            return None
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
        history = told["log_history"]
        rows = [row for entry in history for row in _row_of_history(entry)]
        best = told.get("best_model_checkpoint")
        epoch = _real(told.get("epoch"))
        best = best if isinstance(best, str) and best else None
        return TrainerState(rows, _count(told.get("global_step")), _count(told.get("max_steps")), epoch, best)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def kind_of(values: Json) -> str:
    """What a row is about, told by its names. `train_loss` comes once, at the end; rows of steps may carry `train_runtime` too."""
    if "loss" in values:
        return "train"
    if "train_loss" in values:
        return "summary"
    # An evaluation puts its prefix, `eval_` unless told otherwise, before each of its metrics.
    if any(name.startswith("eval_") or (name.endswith("_runtime") and name != "train_runtime") for name in values):
        return "eval"
    return "summary" if "total_flos" in values or "train_samples_per_second" in values else "train"


def _row_of_history(entry: Any) -> list[TrainerRow]:
    values = {name: encode_number(value) for name, value in entry.items() if name not in ("epoch", "step")}
    values = {name: value for name, value in values.items() if value is not None}
    return [TrainerRow(kind_of(values), _count(entry.get("step")), _real(entry.get("epoch")), values)] if values else []


def _number(name: str, value: Any) -> Any:
    # Some versions write it as a text.
    if name == "throughput" and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value


def _count(value: Any) -> Optional[int]:
    return value if type(value) is int and 0 <= value < 2**53 else None


def _real(value: Any) -> Optional[float]:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def _size_of(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
