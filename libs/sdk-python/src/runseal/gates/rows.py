"""What the gates read of a run: the metrics that somebody hands over, as rows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional

from ..events.payloads import encode_number
from .policy import METRICS, TASK_METRICS, canonical_metric

_RANK = {"train": 0, "eval": 1, "summary": 2}


class LogRow(NamedTuple):
    kind: str
    step: Optional[float]
    #: By registered name.
    values: dict[str, float]


class Point(NamedTuple):
    value: float
    step: float
    #: The row's place.
    row: int


class Material(NamedTuple):
    """What is judged. Rows are ordered by step, train before eval, those without a step last."""

    rows: list[LogRow]
    #: Whether some of them were logged, so that their steps mean something.
    is_logged: bool
    final_step: float
    #: Two values without rows: each stands for its window at an end of the curve.
    ends: Optional[list[LogRow]]
    task_metrics: dict[str, float]
    tasks: list[str]
    #: What was evaluated on; None where nobody tells.
    evaluation_set: Optional[str]
    objective: Optional[str]
    warmup_steps: Optional[float]
    tensors_finite: Optional[bool]

    def curve(self, metric: str) -> list[Point]:
        """A metric along the rows that led to the final weights."""
        return [
            Point(row.values[metric], row.step, place)
            for place, row in enumerate(self.rows)
            if metric in row.values and row.step is not None and row.step <= self.final_step
        ]

    def final(self, metric: str) -> Optional[float]:
        """A metric of the final weights: from their evaluation, as a task metric, or the last value of the training rows."""
        if metric == "perplexity":
            loss = self.final("eval_loss")
            return self._logged(metric) if loss is None else perplexity_at(loss)
        return self._logged(metric)

    def _logged(self, metric: str) -> Optional[float]:
        for row in self.rows:
            is_evaluation = row.kind != "train" or metric == "eval_loss"
            if metric in row.values and row.step == self.final_step and is_evaluation:
                return row.values[metric]
        if metric in self.task_metrics:
            return self.task_metrics[metric]
        # An evaluation of other weights is not theirs.
        trained = [point.value for point in self.curve(metric) if self.rows[point.row].kind == "train"]
        return trained[-1] if trained and metric != "eval_loss" else None

    def losses_beside(self) -> list[float]:
        """Losses since the evaluation before that of the final weights."""
        before = max((at.step for at in self.curve("eval_loss") if at.step < self.final_step), default=-math.inf)
        return [at.value for at in self.curve("loss") if at.step > before]


def read_material(metrics: object) -> Material:
    """The document's metrics (`initial_train_loss`, `final_train_loss`, `final_eval_loss`), the Trainer's `log_history`, or both.
    What is None, or no number, is not there. Beside rows with losses a told loss counts only where it is not finite."""
    given = metrics if isinstance(metrics, Mapping) else {"log_history": metrics}
    history = given.get("log_history")
    rows = history if isinstance(history, Sequence) and not isinstance(history, str) else ()
    logged = [_read_row(row) for row in rows if isinstance(row, Mapping)]
    steps = [row.step for row in logged if row.step is not None]
    told_step = _step_of(given.get("final_step"))
    final_step = told_step if told_step is not None else max([1.0, *steps])
    has_losses = any("loss" in row.values for row in logged)
    told = [*_told_losses(given, final_step, has_losses), *_told_evaluation(given, final_step)]
    tasks, finite = given.get("tasks"), given.get("tensors_finite")
    names = [tasks] if isinstance(tasks, str) else tasks if isinstance(tasks, Sequence) else []
    return Material(
        rows=_ordered([*told, *logged]),
        is_logged=bool(logged),
        final_step=final_step,
        ends=None if has_losses else _ends(given),
        task_metrics=_task_metrics(given),
        tasks=[task for task in names if isinstance(task, str)],
        evaluation_set=text_of(given.get("eval_dataset_hash")),
        objective=text_of(given.get("objective")),
        warmup_steps=number_of(given.get("warmup_steps")),
        tensors_finite=finite if isinstance(finite, bool) else None,
    )


def read_reference(baseline: Mapping[str, Any]) -> dict[str, float]:
    """A baseline's values by registered name."""
    numbers = {key: number_of(value) for key, value in baseline.items() if isinstance(key, str)}
    return {_final_name(key): number for key, number in numbers.items() if number is not None}


def number_of(value: object) -> Optional[float]:
    """A number as it was logged, non-finite ones by their names too; None for what is none."""
    encoded = encode_number(value)
    return None if encoded is None else float(encoded)


def text_of(value: object) -> Optional[str]:
    return value if isinstance(value, str) else None


def perplexity_at(loss: float) -> float:
    return math.inf if loss > 709 else math.exp(loss)


def _read_row(row: Mapping[str, Any]) -> LogRow:
    keys = [key for key in row if isinstance(key, str)]
    kind = _kind_of(row, keys)
    numbers = {canonical_metric(key, kind): number_of(row[key]) for key in keys if key not in ("step", "epoch")}
    values = {name: value for name, value in numbers.items() if value is not None and name not in TASK_METRICS}
    return LogRow(kind, _step_of(row.get("step")), values)


def _kind_of(row: Mapping[str, Any], keys: list[str]) -> str:
    # Some trainers log the evaluation's loss in a training row, and a runtime where tokens are counted.
    if "loss" in row:
        return "train"
    if any(re.match(r"eval[_/]", key) for key in keys):
        return "eval"
    return "summary" if "train_runtime" in row or "total_flos" in row else "train"


def _step_of(value: object) -> Optional[float]:
    step = number_of(value)
    return step if step is not None and math.isfinite(step) else None


def _told_losses(given: Mapping[str, Any], final_step: float, has_losses: bool) -> list[LogRow]:
    first, last = number_of(given.get("initial_train_loss")), number_of(given.get("final_train_loss"))
    gradient = number_of(given.get("grad_norm"))
    rows: list[LogRow] = []
    # A first loss alone shows nothing but what is wrong with it.
    is_bad = first is not None and not math.isfinite(first)
    if first is not None and (is_bad or (not has_losses and (last is not None or first == 0))):
        rows.append(LogRow("train", None, {"loss": first}))
    if last is not None and (not has_losses or not math.isfinite(last)):
        own = {} if gradient is None else {"grad_norm": gradient}
        rows.append(LogRow("train", None if has_losses else final_step, {"loss": last, **own}))
    elif gradient is not None and not math.isfinite(gradient):
        rows.append(LogRow("train", None, {"grad_norm": gradient}))
    return rows


def _told_evaluation(given: Mapping[str, Any], final_step: float) -> list[LogRow]:
    values: dict[str, float] = {}
    for name in ("eval_loss", "eval_accuracy", "perplexity"):
        told = number_of(given.get(f"final_{name}"))
        value = number_of(given.get(name)) if told is None else told
        if value is not None:
            values[name] = value
    return [LogRow("eval", final_step, values)] if values else []


def _ends(given: Mapping[str, Any]) -> Optional[list[LogRow]]:
    first, last = number_of(given.get("initial_train_loss")), number_of(given.get("final_train_loss"))
    if first is None or last is None:
        return None
    gradient = number_of(given.get("grad_norm"))
    own = {"grad_norm": gradient} if gradient is not None and 0 < gradient < math.inf else {}
    start = [LogRow("train", step, {"loss": first}) for step in (1.0, 2.0, 3.0)]
    return start + [LogRow("train", step, {"loss": last, **own}) for step in (4.0, 5.0, 6.0)]


def _task_metrics(given: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in given.items():
        told = number_of(value)
        name = _final_name(key) if isinstance(key, str) else ""
        if told is None or name not in TASK_METRICS:
            continue
        # So LLaMA-Factory names its scores, which it gives as percentages.
        number = told / 100 if key.startswith("predict_") else told
        # On which scale another one stands nobody tells; beyond the thresholds' it is not theirs.
        if not math.isfinite(number) or 0 <= number <= (METRICS[name].top or 1):
            found[name] = number
    return found


def _final_name(key: str) -> str:
    return canonical_metric(re.sub(r"^final_", "", key), "eval")


def _ordered(rows: list[LogRow]) -> list[LogRow]:
    return sorted(rows, key=lambda row: (math.inf if row.step is None else row.step, _RANK[row.kind]))
