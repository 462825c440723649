"""By which numbers the gates judge, and the document's short form, which changes some of them.

The numbers are the server's; a test compares them with the file that the server's engine writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional

from ..config import ConfigError
from ..say import words_of

Gate = dict[str, Any]


class Metric(NamedTuple):
    #: Which side is better; None: neither.
    direction: Optional[str]
    #: The top of its scale, where it has one.
    top: Optional[float] = None
    aliases: tuple[str, ...] = ()


METRICS: dict[str, Metric] = {
    "loss": Metric("lower", None, ("train_loss", "train/loss")),
    "learning_rate": Metric(None, None, ("lr", "train/learning_rate")),
    "epoch": Metric(None),
    "grad_norm": Metric("lower", None, ("train/grad_norm",)),
    "tokens_processed": Metric(None, None, ("num_input_tokens_seen", "num_tokens", "total_tokens")),
    "eval_loss": Metric("lower", None, ("eval/loss",)),
    "eval_accuracy": Metric("higher", 1, ("eval/accuracy",)),
    "perplexity": Metric("lower", None, ("eval_perplexity", "eval/perplexity")),
    "gpu_memory_used": Metric("lower"),
    "gpu_utilization": Metric("higher", 100),
    "gpu_temperature": Metric("lower"),
    "batch_time": Metric("lower"),
    "throughput": Metric("higher"),
    "exact_match": Metric("higher", None, ("em",)),
    "f1": Metric("higher"),
    "rouge-1": Metric("higher", None, ("rouge1", "rouge_1")),
    "rouge-2": Metric("higher", None, ("rouge2", "rouge_2")),
    "rouge-l": Metric("higher", None, ("rougel", "rouge_l", "rougeL")),
    "bleu": Metric("higher", None, ("bleu-4", "bleu_4", "sacrebleu")),
    "mmlu": Metric("higher", None, ("mmlu_accuracy", "mmlu_acc")),
    "human_score": Metric("higher", 5, ("human_eval_score",)),
}
TASK_METRICS = frozenset(("exact_match", "f1", "rouge-1", "rouge-2", "rouge-l", "bleu", "mmlu", "human_score"))
_NAMES = {alias: name for name, metric in METRICS.items() for alias in (name, *metric.aliases)}


def canonical_metric(key: str, kind: str) -> str:
    """The registered name of a row's key, or the key itself. A summary's `train_loss` stays what it is."""
    if kind == "summary" and key == "train_loss":
        return key
    if kind == "eval" and f"eval_{key}" in METRICS:
        return f"eval_{key}"
    if key in _NAMES:
        return _NAMES[key]
    bare = re.match(r"(?:eval|predict|test)[_/](.+)\Z", key)
    task = _NAMES.get(bare[1]) if bare else None
    return task if task in TASK_METRICS else key


def _above(metric: str, threshold: float) -> Gate:
    return {"metric": metric, "above": threshold, "above_baseline": False, "noninferior": None}


_TASKS = {
    "qa": [_above("exact_match", 0.8), _above("f1", 0.8)],
    "summarization": [_above("rouge-1", 0.3), _above("rouge-l", 0.3)],
    "translation": [_above("bleu", 0.3)],
    "general": [{"metric": "mmlu", "above": None, "above_baseline": True, "noninferior": None}],
    "chat": [_above("human_score", 3.5)],
}
_BLOCKING = {"severity": "block", "shadow": False, "off": False}
_WARNING = {"severity": "warn", "shadow": False, "off": False}
_WINDOWS = {"window_share": 0.1, "window_min": 3, "rows_min": 6, "improvement": 0.01}
_COMPARED = {"metric": "eval_loss", "direction": "lower", "regression": 0.05, "absolute": 0.001}

#: The six gates as they are judged where nobody says otherwise.
DEFAULT_GATES: tuple[Gate, ...] = (
    {"id": "G1", "check": "stability", **_BLOCKING, "dead_rows": 3},
    {"id": "G2", "check": "convergence", **_WARNING, **_WINDOWS},
    {"id": "G3", "check": "generalization", **_WARNING, "ratio": 1.2, "difference": 0.3},
    {"id": "G4", "check": "baseline", **_BLOCKING, **_COMPARED},
    {"id": "G5", "check": "task_quality", **_WARNING, "tasks": _TASKS},
    {"id": "G6", "check": "audit_completeness", **_BLOCKING},
)
_ALWAYS_ON = ("G1", "G6")

_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_LIMIT = re.compile(rf"eval_loss < train_loss \* {_NUMBER}\Z")
_TOLERANCE = re.compile(rf"current_metric >= baseline \* {_NUMBER}\Z")
#: Section -> the rules that may stand in it, each with its gate.
_SECTIONS: dict[str, dict[str, str]] = {
    "training_stability": {"loss != NaN": "G1", "loss != Inf": "G1", "loss_decreased": "G2"},
    "generalization": {"eval_loss < train_loss * 1.2": "G3"},
    "baseline_comparison": {"current_metric >= baseline * 0.95": "G4"},
    "audit_completeness": dict.fromkeys(("all_artifacts_logged", "all_hashes_computed", "config_versioned"), "G6"),
}


def read_policy(policy: Optional[Mapping[str, Any]]) -> tuple[Gate, ...]:
    """The gates by the document's `quality_gates:` block (as read from YAML, with that word in front or without); what it does
    not mention stays. Raises a ConfigError with every rule that is not known, turned, or may not be switched off."""
    if policy is None:
        return DEFAULT_GATES
    faults: list[str] = []
    changes: dict[str, Gate] = {}
    block = policy.get("quality_gates", policy)
    for section, rules in block.items() if isinstance(block, Mapping) else [(words_of(block), None)]:
        known = _SECTIONS.get(section)
        if known is None:
            faults.append(f"{section!r} is no section of quality_gates: wanted {', '.join(_SECTIONS)}")
            continue
        for rule, value in _entries(rules, known):
            change = _read_rule(section, rule, value, known)
            if isinstance(change, str):
                faults.append(f"{section}: {change}")
            else:
                changes.setdefault(change[0], {}).update(change[1])
    if faults:
        raise ConfigError(faults)
    return tuple({**gate, **changes.get(gate["id"], {})} for gate in DEFAULT_GATES)


def _entries(rules: Any, known: Mapping[str, str]) -> list[tuple[str, Any]]:
    """A section is a list of rules, or a mapping from rules to true and false; false switches all of it off."""
    if rules is False:
        return [(rule, False) for rule in known]
    if isinstance(rules, Mapping):
        return list(rules.items())
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        return [(words_of(rules), True)]
    return [entry for item in rules for entry in (item.items() if isinstance(item, Mapping) else [(item, True)])]


def _read_rule(section: str, rule: Any, value: Any, known: Mapping[str, str]) -> Any:
    """(gate, change), or what is wrong."""
    if section == "baseline_comparison" and rule == "metric":
        metric = METRICS.get(_NAMES.get(value, "")) if isinstance(value, str) else None
        if metric is None or metric.direction is None:
            return f"metric: {words_of(value)} has no known better side"
        return "G4", {"metric": value, "direction": metric.direction}
    text = re.sub(r"\s+", " ", rule.strip()) if isinstance(rule, str) else words_of(rule)
    limit, tolerance = _LIMIT.match(text), _TOLERANCE.match(text)
    change: Gate = {}
    if section == "generalization" and limit and float(limit[1]) > 0:
        gate, change = "G3", {"ratio": float(limit[1])}
    elif section == "baseline_comparison" and tolerance and 0 < float(tolerance[1]) <= 1:
        gate, change = "G4", {"regression": float(f"{1 - float(tolerance[1]):.12g}")}
    elif text in known and not text.startswith(("eval_loss", "current_metric")):
        gate = known[text]
    else:
        return f"{text!r} is no rule of it: wanted {', '.join(known)}"
    if value is True:
        return gate, change
    if value is not False:
        return f"{text!r} is {words_of(value)}: wanted true or false"
    return f"{text!r} cannot be switched off" if gate in _ALWAYS_ON else (gate, {"off": True})
