"""The document's audit record as it comes about: what is recorded of a run, in the document's structure, absent facts as None."""

from __future__ import annotations

import copy
import math
import os
import threading
import time
from collections.abc import Mapping
from typing import Any, Optional

from ..clock import time_text
from ..events.masking import mask_secrets
from ..events.payloads import encode_number, plain

Json = dict[str, Any]

_ENDINGS = {"run.finished": "finished", "run.failed": "failed", "run.killed": "killed"}


def blank_record(experiment: str, created_at: str) -> Json:
    none = dict.fromkeys
    environment = ("python", "torch", "transformers", "peft", "llama_factory")
    return {
        "experiment_id": experiment,
        "created_at": created_at,
        "input_artifacts": {
            "base_model": none(("path", "source", "revision", "hash", "license")),
            "dataset": none(("path", "version", "hash", "samples", "schema", "name", "source", "license")),
            "config": none(("file", "git_commit", "content_hash", "resolved_hash", "dirty", "repository")),
        },
        "training_record": {
            "experiment_id": experiment,
            "run_id": None,
            "timeline": none(("start_time", "end_time", "duration_seconds", "active_seconds")),
            "progress": none(("total_steps", "completed_steps", "epochs_completed")),
            "checkpoints": [],
            "metrics_summary": none(
                ("initial_loss", "final_loss", "best_eval_loss", "best_checkpoint", "best_checkpoint_step")
            ),
            "state": None,
            "trainer": none(("name", "version")),
        },
        "output_artifacts": {
            "adapter": none(("path", "type", "files", "hash")),
            "training_args": none(("path", "hash")),
            "metrics": none(("final_train_loss", "final_eval_loss", "quality_gate_status")),
        },
        "reproducibility": {
            "seeds": none(("seed", "data_seed", "numpy_seed")),
            "environment": none((*(f"{name}_version" for name in environment), "platform", "image_hash", "lock_hash")),
            "hardware": none(("gpu_type", "gpu_count", "cuda_version", "driver_version", "hosts")),
            "determinism": none(("cudnn_deterministic", "cudnn_benchmark", "deterministic_algorithms")),
        },
    }


class AuditRecord:
    """Follows a run: `saw` and `saw_row` are told everything that is recorded of it, from whatever thread."""

    def __init__(self, experiment: str) -> None:
        self._began = time.time()
        #: The caller may write into it too.
        self.value = blank_record(experiment, time_text(self._began))
        self._lock = threading.Lock()
        #: Section and name of what was told by the document's calls, by path.
        self._named: dict[tuple[str, str], str] = {}
        #: The first eval_loss at each step.
        self._evaluations: dict[float, Any] = {}

    def begin(self, run: str, trainer: Optional[Mapping[str, Any]]) -> None:
        with self._lock:
            training = self._section("training_record")
            training["run_id"] = run
            _merge(training.setdefault("timeline", {}), {"start_time": time_text(self._began)})
            _merge(training.setdefault("trainer", {}), trainer or {})

    def tell(self, section: str, name: str, path: str, facts: Mapping[str, Any]) -> None:
        """The document's `log_input` and `log_output`: what is known of a path before anybody has hashed it."""
        with self._lock:
            self._named[section, path] = name
            entry = self._entry(section, name)
            entry.update({"path": path, "hash": None})
            _merge(entry, facts)
            if name == "config":
                entry["file"] = path

    def tell_hash(self, section: str, path: str, digest: str, files: Optional[list[Json]] = None) -> None:
        with self._lock:
            entry = self._entry(section, self._named.get((section, path), os.path.basename(path)))
            entry["hash"] = digest
            if "content_hash" in entry:
                entry["content_hash"] = digest
            if files is not None:
                entry["files"] = files

    def tell_progress(self, progress: Mapping[str, Any]) -> None:
        with self._lock:
            _merge(self._section("training_record").setdefault("progress", {}), progress)

    def tell_saved(self) -> None:
        """The caller is done; the end of the run, which comes later, says when that was."""
        with self._lock:
            self._tell_end(time.time())

    def is_hashed(self, section: str, path: str) -> bool:
        with self._lock:
            return self._entry(section, self._named.get((section, path), "")).get("hash") is not None

    def saw(self, event_type: str, payload: Json) -> None:
        with self._lock:
            if event_type == "run.input-recorded":
                self._saw_input(payload)
            elif event_type == "run.output-recorded":
                self._saw_output(payload)
            elif event_type == "run.environment-recorded":
                self._saw_environment(payload)
            elif event_type == "run.checkpoint-saved":
                self._saw_checkpoint(payload)
            elif event_type == "run.checkpoint-deleted":
                for one in self._section("training_record").get("checkpoints", []):
                    one["deleted"] = True if one.get("step") == payload["step"] else one.get("deleted")
            elif event_type in _ENDINGS:
                self._saw_end(_ENDINGS[event_type], payload)

    def saw_row(self, kind: str, step: Any, values: Mapping[str, Any]) -> None:
        with self._lock:
            summary = self._section("training_record").setdefault("metrics_summary", {})
            loss = encode_number(values.get("loss", values.get("train_loss"))) if kind == "train" else None
            if loss is not None:
                if summary.get("initial_loss") is None:
                    summary["initial_loss"] = loss
                summary["final_loss"] = loss
                self._entry("output_artifacts", "metrics")["final_train_loss"] = loss
            evaluated = encode_number(values.get("eval_loss"))
            if evaluated is None or step is None:
                return
            self._evaluations.setdefault(step, evaluated)
            best = summary.get("best_eval_loss")
            if isinstance(evaluated, (int, float)) and (best is None or evaluated < best):
                summary["best_eval_loss"] = evaluated

    def copy(self) -> Json:
        """The record as it may be written: secrets masked, numbers that JSON has no word for by their names."""
        with self._lock:
            whole = copy.deepcopy(plain(self.value))
        masked, _ = mask_secrets(_as_json(whole), "")
        return dict(masked)

    def _section(self, name: str) -> Json:
        """A section; the caller may have put anything in its place."""
        section = self.value.get(name)
        if not isinstance(section, dict):
            section = self.value[name] = {}
        return section

    def _entry(self, section: str, name: str) -> Json:
        entries = self._section(section)
        if not isinstance(entries.get(name), dict):
            entries[name] = {}
        entry: Json = entries[name]
        return entry

    def _saw_input(self, payload: Json) -> None:
        kind, path = payload["kind"], payload.get("path")
        name = self._named.get(("input_artifacts", str(path)))
        if kind == "config":
            git = payload.get("git") or {}
            facts = {"file": path, "content_hash": payload["digest"], "resolved_hash": payload["resolved_digest"]}
            facts.update(git_commit=git.get("commit"), dirty=git.get("dirty"), repository=git.get("repository"))
            entry = self._entry("input_artifacts", name or "config")
            _merge(entry, {**facts, "hash": payload["digest"]} if "hash" in entry else facts)
            return
        is_training = kind == "dataset" and payload.get("role") in (None, "train")
        usual = kind if kind == "base_model" or is_training else payload.get("name") or payload.get("role") or kind
        entry = self._entry("input_artifacts", name or usual)
        if name is None and entry.get("path") not in (None, path):
            # The caller told another one.
            entry = self._entry("input_artifacts", payload.get("name") or os.path.basename(str(path)))
        hidden = ("kind", "digest", "asserted", "role")
        _merge(entry, {key: value for key, value in payload.items() if key not in hidden})
        _merge(entry, {"hash": payload["digest"]})

    def _saw_output(self, payload: Json) -> None:
        path, role = str(payload["path"]), payload["role"]
        name = self._named.get(("output_artifacts", path))
        usual = {"weights": "adapter", "training_args": "training_args"}.get(role)
        if name is None and usual is not None and self._entry("output_artifacts", usual).get("path") in (None, path):
            name = usual
        entry = self._entry("output_artifacts", name or os.path.basename(path))
        _merge(entry, {"path": payload["path"], "hash": payload["digest"], "type": payload["type"]})
        if payload["files"] is not None:
            entry["files"] = [{"name": file["path"], "hash": file["digest"]} for file in payload["files"]]

    def _saw_environment(self, payload: Json) -> None:
        section = self._section("reproducibility")
        for name in ("seeds", "hardware", "determinism"):
            _merge(section.setdefault(name, {}), payload[name])
        environment = section.setdefault("environment", {})
        names = ("python", "torch", "transformers", "peft", "llama_factory")
        versions = payload["versions"]
        _merge(environment, {f"{name}_version": versions.get(name) for name in names})
        hashes = {"image_hash": payload["image_digest"], "lock_hash": payload["lock_digest"]}
        _merge(environment, {"platform": payload["platform"], **hashes})

    def _saw_checkpoint(self, payload: Json) -> None:
        checkpoints = self._section("training_record").setdefault("checkpoints", [])
        step = payload["step"]
        known = {"step": step, "path": payload["path"], "eval_loss": self._evaluations.get(step)}
        known.update(hash=payload["digest"], attempt=payload["attempt"], deleted=None)
        checkpoints[:] = sorted(
            [*(one for one in checkpoints if one.get("step") != step), known],
            key=lambda one: float(one.get("step") or 0),
        )

    def _saw_end(self, state: str, payload: Json) -> None:
        training = self._section("training_record")
        training["state"] = state
        self._tell_end(time.time())
        _merge(training.setdefault("timeline", {}), {"active_seconds": payload["active_seconds"]})
        names = ("total_steps", "completed_steps", "epochs_completed")
        _merge(training.setdefault("progress", {}), {name: payload[name] for name in names})
        best, weights = payload["best_checkpoint"], payload["final_weights"]
        if best is not None:
            path = str(best.get("path") or "").rstrip("/\\")
            facts = {"best_checkpoint": os.path.basename(path) or None, "best_checkpoint_step": best.get("step")}
            _merge(training.setdefault("metrics_summary", {}), facts)
        if weights is not None:
            evaluated = self._evaluations.get(weights.get("step"))
            _merge(self._entry("output_artifacts", "metrics"), {"final_eval_loss": evaluated})

    def _tell_end(self, now: float) -> None:
        timeline = {"end_time": time_text(now), "duration_seconds": round(now - self._began, 3)}
        _merge(self._section("training_record").setdefault("timeline", {}), timeline)


def _merge(entry: Json, facts: Mapping[str, Any]) -> None:
    """What is known replaces what was; what is not leaves it."""
    for name, value in facts.items():
        if value is not None or name not in entry:
            entry[name] = value


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _as_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return encode_number(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    number = encode_number(value)
    return str(value) if number is None else number
