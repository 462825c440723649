"""The audit logger in this process: what it is given, and what stands in its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from spools import spooled
from test_audit_logger import digest_of, project  # noqa: F401

from runseal import AuditLogger, QualityGates


def make_logger(project: Path, **options: Any) -> tuple[AuditLogger, list[str]]:
    said: list[str] = []
    options = {"spool_dir": str(project / "spool"), "say": said.append, **options}
    return AuditLogger("experiment", project / "out", **options), said


def test_an_output_that_is_not_there_yet_is_hashed_when_it_is(project: Path) -> None:
    audit, said = make_logger(project)
    adapter = project / "adapter.safetensors"
    audit.log_output("adapter", str(adapter), {"type": "lora"})
    audit.log_output("plots", str(project / "never.png"), {})
    assert audit.audit_record["output_artifacts"]["adapter"]["hash"] is None
    assert any("is not there yet" in line for line in said)
    assert json.loads(audit.save().read_text())["output_artifacts"]["adapter"]["hash"] is None
    adapter.write_bytes(b"weights")
    assert json.loads(audit.save().read_text())["output_artifacts"]["adapter"]["hash"] == digest_of(adapter)
    audit.finish()
    recorded = [event for event in spooled(str(project / "spool")) if event["type"] == "run.output-recorded"]
    paths = [(event["payload"]["role"], event["payload"]["path"], event["payload"]["digest"]) for event in recorded]
    assert paths == [
        ("weights", str(adapter), digest_of(adapter)),
        ("other", str(project / "never.png"), None),
    ]


def test_what_the_caller_writes_into_the_record_stands_in_the_file_and_ends_the_run(project: Path) -> None:
    audit, _ = make_logger(project)
    progress = audit.audit_record["training_record"]["progress"]
    progress.update(total_steps=100, completed_steps=90)
    audit.audit_record["output_artifacts"]["metrics"]["quality_gate_status"] = "passed"
    audit.audit_record["notes"] = {"loss": float("nan"), "tensor": object(), "hub_token": "hf_" + "aB3" * 12}
    audit.run.log_metrics({"loss": 2.0}, 10)
    audit.run.log_metrics({"loss": float("nan")}, 20)
    audit.run.log_metrics({"eval_loss": 1.5}, 20, kind="eval")
    audit.run.save_checkpoint(20, path="out/checkpoint-20")
    audit.save()
    audit.finish(final_weights={"attempt": None, "step": 20})
    text = (project / "out" / "audit_record.json").read_text()
    record = json.loads(text)
    assert record["notes"]["loss"] == "NaN"
    assert "hf_" not in text
    assert record["training_record"]["metrics_summary"]["initial_loss"] == 2.0
    assert record["training_record"]["metrics_summary"]["final_loss"] == "NaN"
    assert record["training_record"]["checkpoints"][0]["eval_loss"] == 1.5
    assert record["output_artifacts"]["metrics"]["final_eval_loss"] == 1.5
    assert record["output_artifacts"]["metrics"]["quality_gate_status"] == "passed"
    (ending,) = [event["payload"] for event in spooled(str(project / "spool")) if event["type"] == "run.finished"]
    assert (ending["total_steps"], ending["completed_steps"]) == (100, 90)


def test_a_moving_revision_is_settled_by_the_hubs_cache(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "0123456789" * 4
    snapshot = project / "hub" / "models--org--base" / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    audit, _ = make_logger(project)
    audit.log_input("base_model", str(snapshot), {"source": "org/base", "revision": "main"})
    audit.save()
    audit.finish()
    (event,) = [event for event in spooled(str(project / "spool")) if event["type"] == "run.input-recorded"]
    assert event["payload"]["revision"] == commit
    assert event["payload"]["asserted"] == ["/payload/source"]
    assert audit.audit_record["input_artifacts"]["base_model"]["revision"] == commit


def test_a_hubs_name_is_where_the_base_model_comes_from(project: Path) -> None:
    audit, said = make_logger(project)
    audit.log_input("base_model", "org/base", {"revision": "main"})
    audit.finish()
    (event,) = [event for event in spooled(str(project / "spool")) if event["type"] == "run.input-recorded"]
    assert (event["payload"]["source"], event["payload"]["path"], event["payload"]["revision"]) == (
        "org/base",
        None,
        "main",
    )
    assert not any("not there" in line for line in said)


@pytest.mark.parametrize(
    ("name", "kind", "role"),
    [
        ("dataset", "dataset", "train"),
        ("train_dataset", "dataset", "train"),
        ("eval_dataset", "dataset", "eval"),
        ("validation_data", "dataset", "eval"),
        ("test_dataset", "dataset", "test"),
        ("config", "config", None),
        ("Reward Model", "other", "reward-model"),
        ("metadata", "other", "metadata"),
        ("дані", "other", "other"),
    ],
)
def test_the_name_says_what_an_input_is(project: Path, name: str, kind: str, role: Any) -> None:
    audit, _ = make_logger(project)
    audit.log_input(name, str(project / "data" / "train.json"), {})
    audit.save()
    audit.finish()
    # A profile completes what a dataset's first event left open.
    event, *_ = [event for event in spooled(str(project / "spool")) if event["type"] == "run.input-recorded"]
    assert (event["payload"]["kind"], event["payload"].get("role")) == (kind, role)
    assert audit.audit_record["input_artifacts"][name]["hash"] == digest_of(project / "data" / "train.json")


def test_nothing_that_it_is_given_makes_it_raise(project: Path) -> None:
    audit, said = make_logger(project)
    anything: list[Any] = [None, 7, object(), b"\xff", ["a"], {"a": object()}]
    for one in anything:
        audit.log_input(one, one, one)
        audit.log_output("adapter", one, {"type": one})
        audit.log_input("dataset", str(project / "data"), {"samples": one, "version": one, "hash": one})
    audit.audit_record["training_record"] = None
    audit.audit_record["input_artifacts"] = 7
    audit.log_input("dataset", str(project / "data" / "train.json"), {})
    audit.run.log_metrics({"loss": 1.0}, 1)
    path = audit.save()
    audit.finish()
    assert json.loads(path.read_text())["training_record"]["state"] == "finished"
    assert said


def test_a_folder_that_cannot_be_written_costs_one_line(project: Path) -> None:
    (project / "out").write_text("a file")
    audit, said = make_logger(project)
    assert audit.save() == project / "out" / "audit_record.json"
    audit.finish()
    assert sum("could not be recorded" in line for line in said) == 1


def test_the_record_passes_the_gate_where_all_is_told(project: Path) -> None:
    audit, _ = make_logger(project)
    git_facts = {"git_commit": "a" * 40, "dirty": False, "resolved_hash": f"sha256:{'b' * 64}"}
    audit.log_input("base_model", str(project / "models" / "base"), {"source": "org/base"})
    audit.log_input(
        "dataset", str(project / "data" / "train.json"), {"version": "v1", "samples": 3, "schema": "alpaca"}
    )
    audit.log_input("config", str(project / "train.yaml"), git_facts)
    (project / "args.bin").write_bytes(b"x")
    audit.log_output("adapter", str(project / "models" / "base"), {"type": "full"})
    audit.log_output("training_args", str(project / "args.bin"), {})
    versions = dict.fromkeys(("python", "torch", "transformers", "llama_factory"), "1.0")
    audit.log_environment(
        seeds={"seed": 1, "data_seed": 1, "numpy_seed": "derived"},
        versions=versions,
        hardware={"gpu_type": "cpu", "gpu_count": 0},
        determinism={"cudnn_deterministic": False, "cudnn_benchmark": False},
    )
    audit.audit_record["training_record"]["progress"].update(total_steps=3, completed_steps=3)
    audit.save()
    audit.finish()
    result = QualityGates().check_audit_completeness(json.loads((project / "out" / "audit_record.json").read_text()))
    assert (result.verdict, result.message) == ("pass", "All 31 fields are recorded.")
