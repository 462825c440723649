"""The rules of G1 to G5, as the server's engine has them: same inputs, same verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

from .policy import Gate
from .rows import Material, Point, perplexity_at


class Finding(NamedTuple):
    #: pass, fail, missing, error or skipped.
    verdict: str
    message: str
    #: The values that were compared, by the document's names.
    metrics: dict[str, Any]
    #: Where it weighs less than the policy's severity.
    severity: Optional[str] = None


class Reference(NamedTuple):
    """The baseline."""

    values: dict[str, float]
    evaluation_set: Optional[str]

    def find(self, metric: str) -> Optional[float]:
        if metric in self.values or metric != "perplexity" or "eval_loss" not in self.values:
            return self.values.get(metric)
        return perplexity_at(self.values["eval_loss"])


#: Objectives whose loss is the cross-entropy of the next token, where a ratio means something.
_CROSS_ENTROPY = ("pt", "sft")


def judge_stability(gate: Gate, run: Material) -> Finding:
    """G1: no row is refused, and the final tensors are finite where somebody looked."""
    losses = [row.values["loss"] for row in run.rows if "loss" in row.values]
    refused = _find_refused(run, gate["dead_rows"])
    behind = run.curve("loss")
    metrics = {"train_loss": behind[-1].value if behind else None, "loss_rows": len(losses), "refused": len(refused)}
    faults = [words for row in sorted(refused) for words in refused[row]]
    if run.tensors_finite is False:
        faults.insert(0, "the final tensors hold values that are not finite")
    if faults:
        more = f", and {len(faults) - 3} more like these" if len(faults) > 3 else ""
        return Finding("fail", f"{'; '.join(faults[:3])}{more}.", metrics)
    if not losses:
        return Finding("missing", "There is no training loss: nothing shows that training was stable.", metrics)
    return Finding("pass", f"{_counted(losses)}: all finite, none exactly 0 without a gradient.", metrics)


def judge_convergence(gate: Gate, run: Material) -> Finding:
    """G2: the median loss of the last rows is below that of the first. Of two told values each stands for its window."""
    if run.ends is not None:
        run = run._replace(rows=run.ends, final_step=math.inf, warmup_steps=None)
    curve = _without_warmup(run.curve("loss"), run.warmup_steps)
    if len(curve) < gate["rows_min"]:
        wanted = f"at least {gate['rows_min']} are wanted to see a trend: give the trainer's log_history"
        return Finding("missing", f"There are {_counted(curve)}; {wanted}.", {"rows": len(curve)})
    width = min(len(curve), max(gate["window_min"], math.ceil(_exact(gate["window_share"] * len(curve)))))
    windows = curve[:width], curve[-width:]
    start, end = (_median([point.value for point in window]) for window in windows)
    metrics = {"initial": start, "final": end, "improvement_pct": (start - end) / abs(start) * 100 if start else None}
    refused = _find_refused(run, 3)
    if any(point.row in refused or not math.isfinite(point.value) for window in windows for point in window):
        words = "The first or the last rows hold a loss that stability refuses: no trend can be read from them."
        return Finding("fail", words, metrics)
    goal = start * _exact(1 - gate["improvement"] if start >= 0 else 1 + gate["improvement"])
    of = "" if run.ends is not None else f" (medians of {width} rows)"
    words = f"The loss went from {_shown(start)} to {_shown(end)}{of}; wanted below {_shown(goal)}."
    return Finding("pass" if end < goal else "fail", words, metrics)


def judge_generalization(gate: Gate, run: Material) -> Finding:
    """G3: the final weights do not do much worse on held-out data than the training rows beside that evaluation."""
    evaluation, beside = run.final("eval_loss"), run.losses_beside()
    metrics: dict[str, Any] = {"train_loss": None, "eval_loss": evaluation, "ratio": None}
    if evaluation is None:
        return Finding(
            "missing", f"There is no eval_loss of the final weights, those of step {run.final_step:g}.", metrics
        )
    if not math.isfinite(evaluation):
        return Finding("fail", f"eval_loss of the final weights is {_shown(evaluation)}.", metrics)
    if not beside:
        return Finding("missing", "There is no training loss beside the evaluation to hold eval_loss against.", metrics)
    mean = sum(beside) / len(beside)
    ratio = evaluation / mean if mean else None
    metrics = {"train_loss": mean, "eval_loss": evaluation, "ratio": ratio}
    found = f"eval_loss {_shown(evaluation)}, mean training loss beside it {_shown(mean)}"
    if run.objective is not None and run.objective not in _CROSS_ENTROPY:
        passes = math.isfinite(mean) and evaluation - mean <= gate["difference"]
        words = f"{found}, difference {_shown(evaluation - mean)}; wanted at most {gate['difference']}."
        return Finding("pass" if passes else "fail", words, metrics)
    limit = gate["ratio"]
    # A mean of 0 or below has no ratio that says anything: then the same share of it is the limit.
    passes = evaluation / mean < limit if mean > 0 else evaluation < mean + (limit - 1) * abs(mean)
    words = f"{found}, ratio {_shown(math.nan if ratio is None else ratio)}; wanted below {limit}."
    return Finding("pass" if math.isfinite(mean) and passes else "fail", words, metrics)


def judge_baseline(gate: Gate, run: Material, reference: Optional[Reference]) -> Finding:
    """G4: not worse than the baseline by more than the tolerance, in the metric's own direction."""
    metric, direction = gate["metric"], gate["direction"]
    current = run.final(metric)
    metrics: dict[str, Any] = {"current": current, "baseline": None, "ratio": None}
    if reference is None:
        words = "There is no baseline. Give one that somebody has judged good enough: QualityGates({'eval_loss': ...})."
        return Finding("missing", words, metrics, "warn" if gate["severity"] == "block" else None)
    against = reference.find(metric)
    if against is None:
        return Finding("missing", f"The baseline has no {metric}.", metrics)
    metrics["baseline"] = against
    if current is None:
        return Finding("missing", f"The final weights have no {metric}, which the baseline has.", metrics)
    metrics["ratio"] = current / against if against else None
    if run.evaluation_set != reference.evaluation_set:
        return Finding("missing", f"{metric} and its baseline were not measured on the same evaluation set.", metrics)
    limit = _limit(gate, against)
    if not math.isfinite(against) or not math.isfinite(limit):
        return Finding("error", f"{metric} of the baseline is {_shown(against)}: nothing compares with that.", metrics)
    passes = math.isfinite(current) and (current <= limit if direction == "lower" else current >= limit)
    wanted = f"{'at most' if direction == 'lower' else 'at least'} {_shown(limit)}"
    words = f"{metric} {_shown(current)}, baseline {_shown(against)}; {direction} is better, wanted {wanted}."
    return Finding("pass" if passes else "fail", words, metrics)


def judge_task_quality(gate: Gate, run: Material, reference: Optional[Reference]) -> Finding:
    """G5: every metric of the declared tasks is above its threshold."""
    if not run.tasks:
        return Finding("skipped", "Skipped: no task is declared, so no task metric is wanted.", {})
    found: list[tuple[str, str]] = []
    for task in run.tasks:
        rules = gate["tasks"].get(task)
        if rules is None:
            found.append(("error", f"there is no task {task!r} (but {', '.join(gate['tasks'])})"))
        else:
            found += [_judge_task_rule(rule, run, reference) for rule in rules]
    verdicts = [verdict for verdict, _ in found]
    worst = next((verdict for verdict in ("fail", "error", "missing") if verdict in verdicts), "pass")
    words = [sentence for verdict, sentence in found if verdict != "pass" or worst == "pass"]
    return Finding(worst, f"{'; '.join(words)}.", dict(run.task_metrics))


def _judge_task_rule(rule: Gate, run: Material, reference: Optional[Reference]) -> tuple[str, str]:
    metric, above = rule["metric"], rule["above"]
    current = run.task_metrics.get(metric)
    if current is None:
        return "missing", f"{metric} is wanted and not there (on a scale from 0 to 1 where it is a share)"
    if rule["above_baseline"]:
        above = None if reference is None else reference.find(metric)
        if above is None:
            return "missing", f"{metric} is compared with the baseline's, which there is not"
        if reference is not None and run.evaluation_set != reference.evaluation_set:
            return "missing", f"{metric} and its baseline were not measured on the same evaluation set"
    passes = math.isfinite(current) and current > above
    return "pass" if passes else "fail", f"{metric} is {_shown(current)}, wanted above {_shown(above)}"


def _find_refused(run: Material, dead_rows: int) -> dict[int, list[str]]:
    """Rows that no sound training logs, by place: a value that is not finite; a loss of exactly 0, unless the row's own grad_norm
    is finite and above 0; `dead_rows` rows in a row whose grad_norm is exactly 0, looking at the rows that have one."""
    refused: dict[int, list[str]] = {}
    zeros: list[int] = []
    for place, row in enumerate(run.rows):
        where = "" if row.step is None or not run.is_logged else f" at step {row.step:g}"
        words = [
            f"{name} is {_shown(row.values[name])}{where}"
            for name in ("loss", "eval_loss", "grad_norm")
            if name in row.values and not math.isfinite(row.values[name])
        ]
        gradient = row.values.get("grad_norm")
        if row.values.get("loss") == 0 and not (gradient is not None and 0 < gradient < math.inf):
            words.append(f"loss is exactly 0 without a finite grad_norm above 0{where}")
        if words:
            refused[place] = words
        if gradient is None or not math.isfinite(gradient):
            continue
        zeros = [*zeros, place] if gradient == 0 else []
        if len(zeros) >= dead_rows:
            for zero in zeros if len(zeros) == dead_rows else zeros[-1:]:
                refused.setdefault(zero, []).append(f"grad_norm is exactly 0 in {dead_rows} rows in a row or more")
    return refused


def _without_warmup(curve: list[Point], steps: Optional[float]) -> list[Point]:
    """What comes after the last row of the warm-up."""
    if steps is None:
        return curve
    return curve[max((place + 1 for place, point in enumerate(curve) if point.step <= steps), default=0) :]


def _limit(gate: Gate, baseline: float) -> float:
    """The worst value that still passes; near 0 the absolute tolerance decides."""
    is_lower, kept = gate["direction"] == "lower", _exact(1 - gate["regression"])
    relative = baseline / kept if is_lower == (baseline >= 0) else baseline * kept
    absolute: float = gate["absolute"]
    return max(relative, baseline + absolute) if is_lower else min(relative, baseline - absolute)


def _median(values: list[float]) -> float:
    if any(math.isnan(value) for value in values):
        return math.nan
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _exact(value: float) -> float:
    """Without the last bits that decimal fractions leave."""
    return float(f"{value:.12g}")


def _shown(value: float) -> str:
    if math.isfinite(value):
        return f"{value:.4g}"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _counted(rows: Sequence[object]) -> str:
    return f"{len(rows)} {'loss' if len(rows) == 1 else 'losses'}"
