"""The quality gates of a training, judged where it runs. What counts is the verdict that the server seals: it sees every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ..events.payloads import encode_number
from ..say import words_of
from .audit import judge_audit
from .policy import METRICS, Gate, canonical_metric, read_policy
from .rows import Material, number_of, read_material, read_reference, text_of
from .rules import (
    Finding,
    Reference,
    judge_baseline,
    judge_convergence,
    judge_generalization,
    judge_stability,
    judge_task_quality,
)

#: What stands in an answer of `run_all`, of each gate.
_ANSWERED = ("name", "passed", "severity", "message", "metrics")


@dataclass
class GateResult:
    name: str
    #: Missing input never passes; what nobody wants (a gate that is skipped) does.
    passed: bool
    #: block, warn or info.
    severity: str
    message: str
    metrics: dict[str, Any]
    #: pass, fail, missing, error or skipped.
    verdict: str = ""


class QualityGates:
    """Judges metrics and an audit record by the six gates. No method raises once the gates are there."""

    def __init__(
        self, baseline_metrics: Optional[Mapping[str, Any]] = None, policy: Optional[Mapping[str, Any]] = None
    ) -> None:
        """`baseline_metrics` are what a model judged good enough had: `{"eval_loss": 0.4}`. `policy` is a `quality_gates:` block
        as read from YAML; a ConfigError says what in it is wrong."""
        self.baseline = dict(baseline_metrics or {})
        self.results: list[GateResult] = []
        self._gates = {gate["check"]: gate for gate in read_policy(policy)}

    def run_all(self, metrics: Any, audit_record: Any) -> dict[str, Any]:
        """`{"overall_status": "passed" | "warnings" | "blocked", "gates": [{"name", "passed", "severity", "message", "metrics"}]}`.

        `metrics`: `initial_train_loss`, `final_train_loss`, `final_eval_loss`, or the Trainer's rows as `log_history`, or both;
        then `tasks` with their metrics, `final_step` (of the final weights, else the last), `warmup_steps`, `objective`,
        `tensors_finite`, `eval_dataset_hash`. What is not given is missing: it never passes, and blocks where its gate does.
        """
        self.results = [
            self._judge("stability", metrics, judge_stability),
            self._judge("convergence", metrics, judge_convergence),
            self._judge("generalization", metrics, judge_generalization),
            self._judge("baseline", metrics, self._judge_baseline),
            self._judge("task_quality", metrics, self._judge_task_quality),
            self.check_audit_completeness(audit_record),
        ]
        counted = {result.severity for result in self.results if not result.passed}
        status = "blocked" if "block" in counted else "warnings" if "warn" in counted else "passed"
        gates = [{name: getattr(result, name) for name in _ANSWERED} for result in self.results]
        return {"overall_status": status, "gates": gates}

    def check_stability(self, train_loss: Any) -> GateResult:
        """G1: whether training was stable."""
        return self._judge("stability", {"final_train_loss": train_loss}, judge_stability)

    def check_convergence(self, initial_loss: Any, final_loss: Any) -> GateResult:
        """G2: whether the loss went down."""
        metrics = {"initial_train_loss": initial_loss, "final_train_loss": final_loss}
        return self._judge("convergence", metrics, judge_convergence)

    def check_generalization(self, train_loss: Any, eval_loss: Any) -> GateResult:
        """G3: whether the model does much worse on held-out data."""
        metrics = {"final_train_loss": train_loss, "final_eval_loss": eval_loss}
        return self._judge("generalization", metrics, judge_generalization)

    def check_baseline(self, current_metric: Any, metric_name: str) -> GateResult:
        """G4: whether a metric is not worse than the baseline's, in its own direction."""
        name = canonical_metric(str(metric_name), "eval")
        metric = METRICS.get(name)
        direction = metric.direction if metric else None

        def judge(gate: Gate, run: Material) -> Finding:
            if direction is None:
                words = f"Nobody has said which side of {metric_name} is better, so it cannot be compared."
                return Finding("error", words, {"current": current_metric})
            told = number_of(current_metric)
            run = run._replace(task_metrics={} if told is None else {name: told})
            return self._judge_baseline({**gate, "metric": name, "direction": direction}, run)

        return self._judge("baseline", {}, judge)

    def check_task_quality(self, metrics: Any) -> GateResult:
        """G5: whether the metrics of the declared `tasks` are above their thresholds."""
        return self._judge("task_quality", metrics, self._judge_task_quality)

    def check_audit_completeness(self, audit_record: Any) -> GateResult:
        """G6: whether the audit record has every field."""
        return self._judge("audit_completeness", None, lambda gate, run: judge_audit(audit_record))

    def _judge_baseline(self, gate: Gate, run: Material) -> Finding:
        return judge_baseline(gate, run, self._reference())

    def _judge_task_quality(self, gate: Gate, run: Material) -> Finding:
        return judge_task_quality(gate, run, self._reference())

    def _reference(self) -> Optional[Reference]:
        values = read_reference(self.baseline)
        return Reference(values, text_of(self.baseline.get("eval_dataset_hash"))) if values else None

    def _judge(self, name: str, metrics: Any, rule: Callable[[Gate, Material], Finding]) -> GateResult:
        gate = self._gates[name]
        if gate["off"]:
            found = Finding("skipped", "Skipped: the policy switches this gate off.", {})
        else:
            try:
                found = rule(gate, read_material(metrics))
            except Exception as error:
                found = Finding("error", f"The gate could not be judged: {words_of(error)}", {})
        passed = found.verdict in ("pass", "skipped")
        severity = "info" if found.verdict == "skipped" else found.severity or gate["severity"]
        return GateResult(name, passed, severity, found.message, _as_json(found.metrics), found.verdict)


def _as_json(metrics: dict[str, Any]) -> dict[str, Any]:
    """Numbers that JSON has no word for by their names, as everywhere."""
    return {name: encode_number(value) if isinstance(value, float) else value for name, value in metrics.items()}
