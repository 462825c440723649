"""The document's classes around a real training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import ASSETS, Ran, Server
from evidence import of_type, one_of, rows, sha256

from runseal import hash_folder

Train = Callable[..., Ran]
SCRIPT = "document_classes.py"


def test_a_training_by_the_documents_classes_is_in_the_ledger_and_in_its_file(server: Server, train: Train) -> None:
    ran = train(SCRIPT, server=server)
    assert ran.code == 0, ran.said
    record = json.loads((ran.output / "audit_record.json").read_text())
    run = record["training_record"]["run_id"]
    assert run == ran.run
    server.wait_for_state(run, "finished")
    events = server.events(run)
    assert len(of_type(events, "run.started")) == len(of_type(events, "run.attempt-started")) == 1
    assert one_of(events, "run.started")["payload"]["trainer"]["name"] == "transformers"
    assert (len(rows(events, "train")), len(rows(events, "eval"))) == (16, 5)
    assert [event["payload"]["step"] for event in of_type(events, "run.checkpoint-saved")] == [20, 40, 60, 80]
    inputs = [event["payload"] for event in of_type(events, "run.input-recorded")]
    training = [one for one in inputs if one["kind"] == "dataset" and one["role"] == "train"]
    assert {(one["name"], one["version"]) for one in training} == {("tasks", "v1")}
    assert training[-1]["digest"] == sha256(ASSETS / "data" / "tasks.json")

    report = json.loads(ran.printed.splitlines()[-1])
    own = {gate["name"]: gate["passed"] for gate in report["gates"]}
    assert (report["overall_status"], own) == ("passed", dict.fromkeys(own, True)), report
    verdicts = {gate["name"]: gate["verdict"] for gate in server.verdict(run).values()}
    # The server's own says the same, but knows no baseline for the model.
    assert verdicts == {
        "stability": "pass",
        "convergence": "pass",
        "generalization": "pass",
        "baseline": "missing",
        "task_quality": "skipped",
        "audit_completeness": "pass",
    }
    _agree(record, server.get(f"/v1/runs/{run}/audit-record"))
    assert record["output_artifacts"]["adapter"]["hash"] == hash_folder(str(ran.output / "adapter")).digest
    verdict = server.verify()
    assert (verdict["verdict"], verdict["faults"]) == ("intact", [])


def _agree(own: dict[str, Any], sealed: dict[str, Any]) -> None:
    """Every fact of the server's record stands in the file too."""
    for section in ("reproducibility", "training_record"):
        for name, value in sealed[section].items():
            if name in ("timeline", "attempts", "checkpoints"):
                continue
            found = own[section][name]
            assert found == value if not isinstance(value, dict) else value.items() <= found.items(), (
                name,
                found,
                value,
            )
    assert own["training_record"]["checkpoints"] == sealed["training_record"]["checkpoints"]
    for name in ("base_model", "dataset", "config"):
        entry = dict(sealed["input_artifacts"][name], role=None)
        assert entry == {member: own["input_artifacts"][name].get(member) for member in entry}
    assert (
        own["output_artifacts"]["metrics"]["final_eval_loss"]
        == sealed["output_artifacts"]["metrics"]["final_eval_loss"]
    )


def test_the_reporter_and_the_callback_of_one_training_share_a_run(server: Server, train: Train) -> None:
    ran = train(SCRIPT, {"report_to": "runseal", "num_train_epochs": 1}, server=server)
    assert ran.code == 0, ran.said
    events = server.events(ran.run)
    assert len(of_type(events, "run.attempt-started")) == 1
    assert len(rows(events, "train")) == 8
    assert [one["experiment"] for one in server.runs() if one["run_id"] == ran.run] == ["tiny tasks"]
    record = json.loads((ran.output / "audit_record.json").read_text())
    assert record["training_record"]["progress"]["completed_steps"] == 40


def test_a_callback_whose_logger_was_told_nothing_starts_the_run(server: Server, train: Train) -> None:
    ran = train(SCRIPT, {"callback_first": True, "num_train_epochs": 1}, server=server)
    assert ran.code == 0, ran.said
    events = server.events(ran.run)
    inputs = [event["payload"] for event in of_type(events, "run.input-recorded")]
    training = [one for one in inputs if one["kind"] == "dataset" and one["role"] == "train"]
    assert training[-1]["digest"] == sha256(ASSETS / "data" / "tasks.json")
    record = json.loads((ran.output / "audit_record.json").read_text())
    assert record["input_artifacts"]["dataset"]["hash"] == training[-1]["digest"]


def test_a_crash_after_the_training_fails_the_run_and_leaves_the_file(
    tmp_path: Path, server: Server, train: Train
) -> None:
    ran = train(SCRIPT, {"crash": True, "num_train_epochs": 1}, server=server)
    assert ran.code == 1
    assert one_of(server.events(ran.run), "run.failed")["payload"]["error"]["message"] == "the disk is gone"
    record = json.loads((ran.output / "audit_record.json").read_text())
    assert (record["training_record"]["state"], record["training_record"]["run_id"]) == ("failed", ran.run)
