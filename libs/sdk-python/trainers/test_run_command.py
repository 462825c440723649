"""`runseal run -- llamafactory-cli train train.yaml`: the real program, the real server, nothing of the training's code touched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import pytest
from conftest import ASSETS, Server, environment
from training_folder import CLEAN, commit_all, git, yaml_of
from waiting import wait_for

COMMAND = ("llamafactory-cli", "train", "train.yaml")
SETTINGS = {
    **CLEAN,
    "model_name_or_path": str(ASSETS / "model"),
    "report_to": "none",
    "run_name": "${RUN_NAME:-tiny} ${WHO}",
    "max_steps": 40,
    "do_eval": True,
    "overwrite_output_dir": False,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ASSETS / "data", tmp_path / "data")
    (tmp_path / ".gitignore").write_text("out\nspool\n")
    (tmp_path / "train.yaml").write_text(yaml_of(SETTINGS))
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", "https://me:secret@example.org/team/training.git")
    commit_all(tmp_path)
    return tmp_path


def start(
    folder: Path, server: Optional[Server], *options: str, command: Sequence[str] = COMMAND, **variables: str
) -> subprocess.Popen[str]:
    place = Path(sys.executable).parent
    env = {**environment(folder, server), "WHO": "somebody", **variables}
    env["PATH"] = f"{place}{os.pathsep}{env['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-m", "runseal", "run", *options, "--", *command],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, server: Optional[Server], *options: str, **more: Any) -> tuple[int, str]:
    process = start(folder, server, *options, **more)
    out, err = process.communicate(timeout=400)
    print(out, err)
    return process.returncode, err


def run_of(folder: Path) -> str:
    return str(json.loads((folder / "out" / "runseal-receipt.json").read_text())["run"])


def of_type(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event["payload"] for event in events if event["type"] == name]


def gates_of(server: Server, run_id: str) -> dict[str, dict[str, Any]]:
    """The verdict on all of the run: an attempt before has one of its own."""
    records = server.get(f"/v1/records?stream=run/{run_id}&limit=500")["items"]
    kinds = ("run.finished", "run.failed", "run.killed")
    end = max(one["seq"] for one in records if json.loads(one["envelope"])["type"] in kinds)

    def newest() -> Any:
        items = server.get(f"/v1/runs/{run_id}/gates")["items"]
        return items[0] if items and items[0]["seq"] > end else None

    return {gate["id"]: gate for gate in wait_for("the verdict", newest, 60)["gates"]}


def missing_fields(server: Server, run_id: str) -> list[str]:
    """What the audit record lacks, by the gate that looks at all of it."""
    gate = gates_of(server, run_id)["G6"]
    names = ("fields", "fields complete")
    return [] if gate["verdict"] == "pass" else [one["name"] for one in gate["inputs"] if one["name"] not in names]


def test_a_training_of_llama_factory_is_documented_whole(folder: Path, server: Server) -> None:
    facts = "base_model.source: made/here\nbase_model.license: none\ndataset: {license: cc0-1.0}\n"
    (folder / "facts.yaml").write_text(facts)
    code, said = run(folder, server, "--experiment", "support-bot", "--model", "support", "--facts", "facts.yaml")
    assert code == 0
    run_id = run_of(folder)
    server.wait_for_state(run_id, "finished")
    events = server.events(run_id)
    (started,) = of_type(events, "run.started")
    assert (started["experiment"], started["name"], started["target_model"]) == (
        "support-bot",
        "tiny somebody",
        "support",
    )
    assert (started["trainer"]["name"], started["objective"]) == ("llama_factory", "sft")

    assert missing_fields(server, run_id) == []
    gates = gates_of(server, run_id)
    assert {name: gates[name]["verdict"] for name in ("G1", "G2", "G6")} == {"G1": "pass", "G2": "pass", "G6": "pass"}
    assert gates["G3"]["verdict"] in ("pass", "fail")
    record = server.get(f"/v1/runs/{run_id}/audit-record")
    inputs, outputs = record["input_artifacts"], record["output_artifacts"]
    commit = git(folder, "rev-parse", "HEAD")
    assert inputs["config"]["git_commit"] == inputs["dataset"]["version"] == commit
    assert inputs["config"]["repository"] == "https://example.org/team/training.git"
    assert inputs["config"]["dirty"] is False
    assert (inputs["dataset"]["samples"], inputs["dataset"]["schema"]) == (320, "alpaca")
    assert inputs["base_model"]["source"] == "made/here"
    weights = folder / "out" / "adapter_model.safetensors"
    assert outputs["adapter"]["hash"] == f"sha256:{hashlib.sha256(weights.read_bytes()).hexdigest()}"
    assert outputs["adapter"]["type"] == "lora"
    (whole,) = [one for one in outputs["other"] if one["type"] == "output_dir"]
    names = {file["name"] for file in whole["files"]}
    assert {"adapter_model.safetensors", "trainer_log.jsonl", "all_results.json"} <= names
    assert not [name for name in names if name.startswith("checkpoint-") or "runseal" in name]

    # What was handed over is not what lies in the repository, and both are known.
    expanded = yaml_of({**SETTINGS, "run_name": "tiny somebody"}).encode()
    digests = {one["role"]: one["digest"] for one in of_type(events, "run.input-recorded") if one["kind"] == "other"}
    assert digests["config.expanded"] == f"sha256:{hashlib.sha256(expanded).hexdigest()}"
    (end,) = of_type(events, "run.finished")
    assert (end["completed_steps"], end["total_steps"]) == (40, 40)
    assert end["best_checkpoint"]["step"] == end["final_weights"]["step"]
    receipt = json.loads((folder / "out" / "runseal-receipt.json").read_text())
    assert receipt["events"]["spooled"] == receipt["events"]["set_aside"] == 0
    assert "Traceback" not in said
    assert server.verify()["verdict"] == "intact"


def test_a_training_that_is_killed_goes_on_as_the_same_run(folder: Path, server: Server) -> None:
    # Long enough that nothing is being saved when it is killed: half a checkpoint stops LLaMA-Factory.
    command = [*COMMAND, "max_steps=600", "save_steps=100", "eval_steps=100"]
    process = start(folder, server, command=command)
    checkpoint = folder / "out" / "checkpoint-100"
    wait_for("a checkpoint", lambda: (checkpoint / "trainer_state.json").exists() or process.poll() is not None, 200)
    trainer = next(child for child in children_of(process.pid) if b"llamafactory" in command_of(child))
    os.kill(trainer, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    print(out, err)
    assert process.returncode == 137
    run_id = run_of(folder)
    server.wait_for_state(run_id, "killed")
    (killed,) = of_type(server.events(run_id), "run.killed")
    assert (killed["signal"], killed["final_weights"]) == ("SIGKILL", None)
    assert killed["completed_steps"] >= 100

    assert run(folder, server, command=command)[0] == 0
    assert run_of(folder) == run_id
    server.wait_for_state(run_id, "finished")
    events = server.events(run_id)
    first, second = (event for event in events if event["type"] == "run.attempt-started")
    assert second["payload"]["resumes"]["attempt"] == first["id"]
    step = second["payload"]["resumes"]["step"]
    assert step >= 100
    rows = [
        row
        for event in of_type(events, "run.metrics-logged")
        if event["attempt"] == second["id"]
        for row in event["rows"]
    ]
    assert min(row["step"] for row in rows if row["kind"] == "train") > step
    assert {event["payload"]["attempt"] for event in events if event["type"] == "run.finished"} == {second["id"]}
    # All of both attempts has come, and both stand behind the weights.
    assert missing_fields(server, run_id) == ["input_artifacts.base_model.source"]
    assert gates_of(server, run_id)["G1"]["verdict"] == "pass"
    assert server.get(f"/v1/runs/{run_id}")["faults"] == []
    assert len(of_type(events, "run.started")) == 1
    assert server.verify()["verdict"] == "intact"


def test_a_training_whose_runseal_run_is_killed_goes_on_and_is_documented_whole(folder: Path, server: Server) -> None:
    process = start(folder, server, command=[*COMMAND, "max_steps=300", "save_steps=100", "eval_steps=100"])
    checkpoint = folder / "out" / "checkpoint-100"
    wait_for("a checkpoint", lambda: (checkpoint / "trainer_state.json").exists() or process.poll() is not None, 200)
    process.kill()
    # What the training prints goes on to come, until it ends.
    out, err = process.communicate(timeout=200)
    assert "train_loss" in out + err
    run_id = str(json.loads((folder / "out" / ".runseal" / "run.json").read_text())["run"])
    send = [sys.executable, "-m", "runseal", "spool", "send"]
    subprocess.run(send, env=environment(folder, server), check=True)
    server.wait_for_state(run_id, "finished")
    events = server.events(run_id)
    rows = [row for event in of_type(events, "run.metrics-logged") for row in event["rows"] if row["kind"] == "train"]
    assert [row["step"] for row in rows] == list(range(2, 301, 2))
    assert {event["role"] for event in of_type(events, "run.output-recorded")} >= {
        "weights",
        "tokenizer",
        "training_args",
    }
    assert missing_fields(server, run_id) == ["input_artifacts.base_model.source"]
    assert server.get(f"/v1/runs/{run_id}")["faults"] == []
    assert server.verify()["verdict"] == "intact"


def test_a_training_without_a_server_is_delivered_later_as_it_was(folder: Path, server: Server) -> None:
    assert run(folder, None, RUNSEAL_DRAIN_S="20")[0] == 0
    receipt = json.loads((folder / "out" / "runseal-receipt.json").read_text())
    assert receipt["receipt"] is None
    assert receipt["events"]["spooled"] > 20
    env = {**environment(folder, server)}
    send = [sys.executable, "-m", *receipt["send"].split(), "--json"]
    sent = json.loads(subprocess.run(send, env=env, capture_output=True, text=True, check=True).stdout)
    assert (sent["pending"], sent["set_aside"]) == (0, 0)
    run_id = str(receipt["run"])
    server.wait_for_state(run_id, "finished")
    # The producers' spools come one after the other: a verdict in between lacks what is still to come.
    wait_for("a verdict on all of it", lambda: "producers" not in missing_fields(server, run_id))
    assert missing_fields(server, run_id) == ["input_artifacts.base_model.source"]
    assert server.get(f"/v1/runs/{run_id}")["faults"] == []
    assert server.verify()["verdict"] == "intact"


def test_a_trainer_that_does_not_let_us_in_is_followed_by_its_files(folder: Path, server: Server) -> None:
    # -E: Python reads no PYTHONPATH, and with it no hook.
    place = str(Path(sys.executable).parent / "llamafactory-cli")
    code, _ = run(folder, server, command=[sys.executable, "-E", place, "train", "train.yaml"])
    assert code == 0
    run_id = run_of(folder)
    server.wait_for_state(run_id, "finished")
    events = server.events(run_id)
    rows = [row for event in of_type(events, "run.metrics-logged") for row in event["rows"]]
    assert {row["step"] for row in rows if "loss" in row["values"]} == set(range(2, 41, 2))
    assert {row["step"] for row in rows if "grad_norm" in row["values"]} == set(range(2, 41, 2))
    gates = gates_of(server, run_id)
    assert gates["G1"]["verdict"] == "pass"
    saved = {event["step"] for event in of_type(events, "run.checkpoint-saved")}
    assert 40 in saved
    assert server.verify()["verdict"] == "intact"


def test_two_ranks_of_torchrun_are_one_run_that_the_first_records(folder: Path, server: Server) -> None:
    code, said = run(folder, server, FORCE_TORCHRUN="1", NPROC_PER_NODE="2")
    assert code == 0
    run_id = run_of(folder)
    server.wait_for_state(run_id, "finished")
    events = server.events(run_id)
    (end,) = of_type(events, "run.finished")
    assert len(of_type(events, "run.attempt-started")) == 1
    assert len(end["producers"]) == 2
    rows = [row for event in of_type(events, "run.metrics-logged") for row in event["rows"]]
    assert [row["step"] for row in rows if "loss" in row["values"]] == list(range(2, 41, 2))
    assert missing_fields(server, run_id) == ["input_artifacts.base_model.source"]
    assert "Traceback" not in said


def test_a_rank_that_is_killed_ends_the_run_as_failed_or_killed_and_loses_nothing(folder: Path, server: Server) -> None:
    process = start(folder, server, FORCE_TORCHRUN="1", NPROC_PER_NODE="2")
    wait_for("a checkpoint", lambda: (folder / "out" / "checkpoint-10").exists() or process.poll() is not None, 200)
    ranks = [child for child in children_of(process.pid) if b"launcher.py" in command_of(child)]
    os.kill(max(ranks), signal.SIGKILL)
    out, err = process.communicate(timeout=200)
    print(out, err)
    assert process.returncode not in (0, None)
    run_id = run_of(folder)
    wait_for("the end", lambda: server.get(f"/v1/runs/{run_id}")["state"] in ("failed", "killed"), 60)
    assert [gap for gap in missing_fields(server, run_id) if gap == "producers"] == []
    assert server.verify()["verdict"] == "intact"


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    below = [int(one) for one in found]
    return below + [one for child in below for one in children_of(child)]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
