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
def test_the_documents_script_lands_in_the_ledger_and_in_the_file(server: Server, project: Path) -> None:
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


def _verified(server: Server) -> bool:
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
