"""The document's audit logger, as code that was written after the document calls it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from places import ROOT
from spools import spooled
from test_end_to_end import COMMAND, Server, run_node, server  # noqa: F401
from test_end_to_end import pytestmark as needs_server

import runseal
from runseal import AuditLogger, QualityGates

PAGE = (ROOT / "docs" / "document-classes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:python|sh)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
#: What people copy: the document's calls, in its order.
SCRIPT = BLOCKS[0]
TRAIN = """
import os

os.makedirs("out/adapter", exist_ok=True)
with open("out/adapter/adapter_model.safetensors", "wb") as file:
    file.write(bytes(1000))
with open("out/adapter/adapter_config.json", "w") as file:
    file.write("{}")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models" / "base").mkdir(parents=True)
    (tmp_path / "models" / "base" / "config.json").write_text("{}")
    (tmp_path / "data").mkdir()
    rows = [{"instruction": "a", "input": "", "output": "b"}] * 3
    (tmp_path / "data" / "train.json").write_text(json.dumps(rows))
    (tmp_path / "train.yaml").write_text("learning_rate: 1e-4\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def run_script(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], "HOME": str(project), "RUNSEAL_SPOOL_DIR": str(project / "spool")}
    variables["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    return subprocess.run(
        [sys.executable, *(arguments or ("script.py",))],
        cwd=project,
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def digest_of(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def git(project: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@needs_server
def test_the_documents_script_lands_in_the_ledger_and_in_the_file(server: Server, project: Path) -> None:  # noqa: F811
    git(project, "init", "-q")
    git(project, "add", "train.yaml")
    git(project, "commit", "-qm", "first")
    commit = git(project, "rev-parse", "HEAD")
    done = run_script(project, RUNSEAL_URL=server.url, RUNSEAL_API_KEY=server.api_key)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(Path("out", "audit_record.json"))
    assert "stability True" in done.stdout
    record = json.loads((project / "out" / "audit_record.json").read_text())
    assert record["experiment_id"] == "support-bot"
    run = record["training_record"]["run_id"]

    events = server.events(run)
    assert [event["type"] for event in events][:2] == ["run.started", "run.attempt-started"]
    assert events[-1]["type"] == "run.finished"
    inputs = {event["payload"]["kind"]: event["payload"] for event in events if event["type"] == "run.input-recorded"}
    (output,) = [event["payload"] for event in events if event["type"] == "run.output-recorded"]
    adapter = runseal.hash_folder(str(project / "out" / "adapter"))
    assert output == {
        "role": "weights",
        "type": "lora",
        "path": "out/adapter",
        "digest": adapter.digest,
        "size_bytes": 1002,
        "files": output["files"],
        "tensors_finite": None,
        "asserted": ["/payload/type"],
    }
    assert inputs["dataset"]["digest"] == digest_of(project / "data" / "train.json")
    assert (inputs["dataset"]["version"], inputs["dataset"]["samples"]) == ("v2.1.0", 3)
    assert inputs["config"]["git"] == {"repository": None, "commit": commit, "dirty": False}
    assert inputs["base_model"]["digest"] == runseal.hash_folder(str(project / "models" / "base")).digest
    parameters = [event["payload"]["parameters"] for event in events if event["type"] == "run.parameters-recorded"]
    assert parameters == [{"audit.input_artifacts.dataset.owner": "team a"}]

    # The file says what the ledger says, and nothing is left out of it.
    sealed = server.get(f"/v1/runs/{run}/audit-record")
    for section in ("base_model", "dataset", "config"):
        entry, own = sealed["input_artifacts"][section], record["input_artifacts"][section]
        assert {name: own.get(name) for name in entry if name != "role"} == {
            name: value for name, value in entry.items() if name != "role"
        }
    assert record["output_artifacts"]["adapter"]["hash"] == sealed["output_artifacts"]["adapter"]["hash"]
    assert {file["name"] for file in record["output_artifacts"]["adapter"]["files"]} == {
        "adapter_model.safetensors",
        "adapter_config.json",
    }
    assert record["input_artifacts"]["dataset"]["owner"] == "team a"
    assert record["reproducibility"]["python_version"] == sys.version
    environment = record["reproducibility"]["environment"]
    assert environment["python_version"] == sealed["reproducibility"]["environment"]["python_version"]
    assert record["reproducibility"]["seeds"] == {"seed": None, "data_seed": None, "numpy_seed": None}
    assert record["training_record"]["state"] == "finished"
    assert record["training_record"]["timeline"]["duration_seconds"] > 0
    assert _verified(server)


def _verified(server: Server) -> bool:  # noqa: F811
    verdict = json.loads(run_node([str(COMMAND), "verify", "--json"], server.folder).stdout)
    return (verdict["verdict"], verdict["faults"]) == ("intact", [])


def test_without_a_server_the_file_is_written_and_the_events_are_spooled(project: Path) -> None:
    done = run_script(project)
    assert done.returncode == 0, done.stderr
    record = json.loads((project / "out" / "audit_record.json").read_text())
    assert record["input_artifacts"]["config"]["content_hash"] == digest_of(project / "train.yaml")
    types = [event["type"] for event in spooled(str(project / "spool"))]
    assert {"run.started", "run.input-recorded", "run.output-recorded", "run.finished"} <= set(types)


@pytest.mark.parametrize(
    ("environment", "told"),
    [({"RUNSEAL_DISABLED": "1"}, ""), ({"RUNSEAL_URL": "ftp://nowhere"}, "nothing is recorded in the ledger")],
    ids=["disabled", "wrong settings"],
)
def test_where_nothing_can_be_recorded_the_file_is_whole_all_the_same(
    project: Path, environment: dict[str, str], told: str
) -> None:
    done = run_script(project, **environment)
    assert done.returncode == 0, done.stderr
    assert told in done.stderr
    record = json.loads((project / "out" / "audit_record.json").read_text())
    assert record["input_artifacts"]["dataset"]["hash"] == digest_of(project / "data" / "train.json")
    assert record["output_artifacts"]["adapter"]["hash"] == runseal.hash_folder(str(project / "out" / "adapter")).digest
    assert not (project / "spool").exists()


def test_of_several_ranks_the_first_records_and_writes(project: Path) -> None:
    done = run_script(project, RANK="1")
    assert done.returncode == 0, done.stderr
    assert not (project / "out" / "audit_record.json").exists()
    assert not (project / "spool").exists()


def test_an_exception_of_the_script_fails_the_run(project: Path) -> None:
    script = (
        "from runseal import AuditLogger\naudit = AuditLogger('x', 'out')\naudit.log_input('notes', 'train.yaml', {})\n"
    )
    (project / "failing.py").write_text(f"{script}raise RuntimeError('no more memory')\n")
    done = run_script(project, "failing.py")
    assert done.returncode == 1
    assert "no more memory" in done.stderr
    events = spooled(str(project / "spool"))
    assert events[-1]["type"] == "run.failed"
    assert events[-1]["payload"]["error"] == {"type": "RuntimeError", "message": "no more memory"}
    assert not (project / "out" / "audit_record.json").exists(), "nobody asked for it"


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


def test_every_block_of_the_page_is_run_by_a_test() -> None:
    script = (ROOT / "libs" / "sdk-python" / "trainers" / "scripts" / "document_classes.py").read_text("utf-8")
    first, *trained, policy, commands = BLOCKS
    assert "AuditLogger(" in first
    assert len(trained) == 3
    for block in trained:
        assert block.rstrip("\n") in script
    known: dict[str, Any] = {}
    exec(f"from runseal import QualityGates\n{policy}", known)
    assert known["gates"].check_generalization(1.0, 1.15).verdict == "fail"
    assert known["gates"].check_baseline(0.44, "eval_loss").verdict == "pass"
    # tests/test_both_programs.py runs them.
    assert [line.split()[:2] for line in commands.splitlines()] == [["runseal", "show"], ["runseal", "gates"]]
