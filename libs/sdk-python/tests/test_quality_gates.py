"""The document's quality gates: the server's rules over what somebody hands over."""

from __future__ import annotations

import copy
import json
import math
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT

import runseal
from runseal import ConfigError, QualityGates
from runseal.gates.policy import DEFAULT_GATES, METRICS

VECTORS: dict[str, Any] = json.loads((ROOT / "apps" / "gates" / "vectors" / "quality-gates.json").read_text("utf-8"))
CASES: list[dict[str, Any]] = VECTORS["cases"]
SOUND: dict[str, Any] = VECTORS["sound_record"]
CHECKS = [gate["check"] for gate in DEFAULT_GATES]
SCALARS = {"initial_train_loss": 2.1, "final_train_loss": 1.0, "final_eval_loss": 1.1}
BASELINE = {"eval_loss": 1.1}


def record_of(case: dict[str, Any]) -> Any:
    return SOUND if case["audit_record"] == "sound" else case["audit_record"]


def with_floats(value: Any) -> Any:
    """Non-finite numbers as a trainer has them."""
    if isinstance(value, dict):
        return {name: with_floats(member) for name, member in value.items()}
    if isinstance(value, list):
        return [with_floats(one) for one in value]
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def test_the_numbers_are_the_servers() -> None:
    assert list(DEFAULT_GATES) == VECTORS["policy"]["gates"]
    metrics = {one["name"]: one for one in VECTORS["metrics"]}
    assert list(METRICS) == list(metrics)
    for name, metric in METRICS.items():
        top = metrics[name]["scale"] and metrics[name]["scale"]["to"]
        assert metric == (metrics[name]["direction"], top, tuple(metrics[name]["aliases"]))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_gate_says_what_the_servers_engine_says(case: dict[str, Any]) -> None:
    readings: list[Callable[[Any], Any]] = [lambda value: value, with_floats]
    for read in readings:
        gates = QualityGates(read(case["baseline"]), read(case["policy"]))
        answer = gates.run_all(read(case["metrics"]), record_of(case))
        found = [(result.name, result.verdict) for result in gates.results]
        assert found == [(gate["name"], gate["verdict"]) for gate in case["gates"]]
        assert answer["overall_status"] == case["overall"]
        for result, gate in zip(gates.results, case["gates"]):
            assert result.severity == ("info" if gate["verdict"] == "skipped" else gate["severity"])
            assert result.passed == (gate["verdict"] in ("pass", "skipped"))
            assert len(result.message) > 10


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= 100
    assert runseal.QualityGates is QualityGates


def test_the_answer_has_the_documents_shape_and_is_json() -> None:
    answer = QualityGates(BASELINE).run_all({**SCALARS, "final_train_loss": math.nan}, SOUND)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert list(answer) == ["overall_status", "gates"]
    assert [gate["name"] for gate in answer["gates"]] == CHECKS
    assert {tuple(gate) for gate in answer["gates"]} == {("name", "passed", "severity", "message", "metrics")}
    assert answer["overall_status"] == "blocked"
    assert answer["gates"][0] == {
        "name": "stability",
        "passed": False,
        "severity": "block",
        "message": "loss is NaN.",
        "metrics": {"train_loss": "NaN", "loss_rows": 2, "refused": 1},
    }


def test_each_gate_can_be_asked_alone() -> None:
    gates = QualityGates({"eval_loss": 1.0, "eval_accuracy": 0.8})
    assert gates.check_stability(0.4).passed
    assert [gates.check_stability(value).verdict for value in (math.nan, math.inf, 0, None)] == ["fail"] * 3 + [
        "missing"
    ]
    assert gates.check_convergence(2.0, 1.0).metrics == {"initial": 2.0, "final": 1.0, "improvement_pct": 50.0}
    ends: list[tuple[Any, Any]] = [(2.0, 1.0), (2.0, 2.0), (0, 1.0), (math.inf, 1.0), (None, 1.0)]
    assert [gates.check_convergence(*pair).verdict for pair in ends] == ["pass", "fail", "fail", "fail", "missing"]
    both: list[tuple[Any, Any]] = [(1.0, 1.1), (1.0, 1.2), (1.0, math.nan), (1.0, None), (None, 1.0)]
    assert [gates.check_generalization(*pair).verdict for pair in both] == [
        "pass",
        "fail",
        "fail",
        "missing",
        "missing",
    ]
    baselines = ((0.9, "eval_loss"), (2.0, "eval_loss"), (0.7, "eval_accuracy"), (0.9, "eval_accuracy"))
    assert [gates.check_baseline(*one).verdict for one in baselines] == ["pass", "fail", "fail", "pass"]
    assert gates.check_baseline(1.0, "nobody knows it").verdict == "error"
    assert gates.check_baseline(1.0, "f1").verdict == "missing"
    assert gates.check_baseline(2.7, "perplexity").verdict == "pass"
    assert (QualityGates().check_baseline(0.9, "eval_loss").severity, gates.check_baseline(0.9, "f1").severity) == (
        "warn",
        "block",
    )
    assert gates.check_task_quality({"tasks": ["qa"], "exact_match": 0.9, "f1": 0.9}).passed
    assert gates.check_audit_completeness(SOUND).passed
    missing = gates.check_audit_completeness({"input_artifacts": {"x": None}})
    assert missing.metrics["missing_sections"] == [
        "input_artifacts",
        "output_artifacts",
        "reproducibility",
        "training_record",
    ]


@pytest.mark.parametrize("nonsense", [None, 7, "x", [], [None], object(), {"log_history": 3}, {3: 4}, {"tasks": 5}])
def test_nonsense_blocks_and_does_not_raise(nonsense: Any) -> None:
    answer = QualityGates(BASELINE).run_all(nonsense, nonsense)
    assert answer["overall_status"] == "blocked"
    assert not any(gate["passed"] for gate in answer["gates"] if gate["name"] != "task_quality")


def test_numbers_of_other_libraries_are_numbers() -> None:
    class Scalar:
        def __init__(self, value: float) -> None:
            self.value = value

        def __float__(self) -> float:
            return self.value

    metrics = {name: Scalar(value) for name, value in SCALARS.items()}
    assert QualityGates(BASELINE).run_all(metrics, SOUND)["overall_status"] == "passed"


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"training_stabillity": []}, "training_stabillity"),
        ({"training_stability": ["loss == NaN"]}, "loss == NaN"),
        ({"training_stability": False}, "cannot be switched off"),
        ({"audit_completeness": {"config_versioned": False}}, "cannot be switched off"),
        ({"generalization": ["eval_loss > train_loss * 1.2"]}, "eval_loss > train_loss"),
        ({"baseline_comparison": ["current_metric >= baseline * 1.5"]}, "1.5"),
        ({"baseline_comparison": [{"metric": "learning_rate"}]}, "better side"),
        ({"generalization": {"eval_loss < train_loss * 1.2": "yes"}}, "true or false"),
        ({"quality_gates": 3}, "3"),
        ({"generalization": 3}, "3"),
    ],
)
def test_a_policy_with_a_wrong_rule_is_refused(policy: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        QualityGates(BASELINE, policy)


VALUES = st.one_of(
    st.floats(min_value=-10, max_value=10),
    st.sampled_from([0.0, math.nan, math.inf, -math.inf, 1e300, 1e-300]),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"step": st.integers(0, 30)}, optional={"loss": VALUES, "grad_norm": VALUES, "eval_loss": VALUES}
    ),
    max_size=20,
)
METRICS_GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "initial_train_loss": VALUES,
        "final_train_loss": VALUES,
        "final_eval_loss": VALUES,
        "grad_norm": VALUES,
        "log_history": ROWS,
        "f1": VALUES,
        "tasks": st.sampled_from([["qa"], []]),
    },
)


def passed_of(metrics: dict[str, Any], baseline: Any = BASELINE, record: Any = SOUND) -> dict[str, bool]:
    answer = QualityGates(baseline).run_all(metrics, record)
    return {gate["name"]: gate["passed"] for gate in answer["gates"]}


@settings(max_examples=500)
@given(METRICS_GIVEN, st.sampled_from(["initial_train_loss", "final_train_loss", "final_eval_loss", "log_history"]))
def test_what_is_taken_away_never_makes_a_gate_pass_that_needs_it(metrics: dict[str, Any], name: str) -> None:
    less = {key: value for key, value in metrics.items() if key != name}
    passed = passed_of(less)
    has_rows = any("loss" in row for row in less.get("log_history", []))
    has_evaluation = "final_eval_loss" in less or any("eval_loss" in row for row in less.get("log_history", []))
    if "final_train_loss" not in less and not has_rows:
        assert not any(passed[gate] for gate in ("stability", "convergence", "generalization"))
    if not has_evaluation:
        assert not any(passed[gate] for gate in ("generalization", "baseline"))
    if less.get("tasks") == ["qa"]:
        assert not passed["task_quality"]


@settings(max_examples=500)
@given(METRICS_GIVEN)
def test_a_value_that_is_not_finite_never_passes_stability(metrics: dict[str, Any]) -> None:
    told = [metrics.get(name) for name in ("initial_train_loss", "final_train_loss", "final_eval_loss", "grad_norm")]
    logged = [value for row in metrics.get("log_history", []) for value in row.values()]
    if any(value is not None and not math.isfinite(value) for value in (*told, *logged)):
        assert not passed_of(metrics)["stability"]


@settings(max_examples=500)
@given(METRICS_GIVEN, st.floats(min_value=0, max_value=5), st.sampled_from(["final_train_loss", "final_eval_loss"]))
def test_a_worse_loss_never_makes_a_gate_pass_that_judges_it(metrics: dict[str, Any], more: float, name: str) -> None:
    if metrics.get(name) is None or math.isnan(metrics[name]):
        return
    judging = {"final_train_loss": ["convergence"], "final_eval_loss": ["generalization", "baseline"]}[name]
    # A loss of exactly 0 is no good loss: what moves away from it does not get worse.
    if metrics[name] == 0:
        return
    before, after = passed_of(metrics), passed_of({**metrics, name: metrics[name] + more})
    for gate in judging:
        assert before[gate] or not after[gate]


@settings(max_examples=500)
@given(st.floats(min_value=0.01, max_value=10), st.floats(min_value=0.01, max_value=10))
def test_of_a_baseline_only_the_worse_side_is_refused(current: float, baseline: float) -> None:
    passed = QualityGates({"eval_loss": baseline}).check_baseline(current, "eval_loss").passed
    assert passed == (current <= max(baseline / 0.95, baseline + 0.001))
    passed = QualityGates({"f1": baseline}).check_baseline(current, "f1").passed
    assert passed == (current >= min(baseline * 0.95, baseline - 0.001))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name, member in value.items() for leaf in leaves(member, (*path, name))]
    if isinstance(value, list):
        return [leaf for place, member in enumerate(value) for leaf in leaves(member, (*path, place))]
    return [path]


@pytest.mark.parametrize("path", leaves(SOUND), ids=lambda path: ".".join(map(str, path)))
def test_no_field_of_the_record_can_be_missing(path: tuple[Any, ...]) -> None:
    record = copy.deepcopy(SOUND)
    place = record
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = None
    passed = QualityGates().check_audit_completeness(record).passed
    is_needless = path[-1] in ("path", "epochs_completed", "type") or path[:1] == ("experiment_id",)
    is_told_otherwise = path in (
        ("input_artifacts", "base_model", "hash"),
        ("output_artifacts", "adapter", "hash"),
        ("output_artifacts", "adapter", "files", 0, "name"),
        ("training_record", "experiment_id"),
        ("training_record", "trainer", "version"),
    )
    assert passed == (is_needless or is_told_otherwise)
