"""`runseal run` and the processes below it: who records joins its attempt, and files are followed where nobody does."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from scripted_door import Exchange, ScriptedDoor, answer
from spools import spooled
from starting import check_against_published_schemas
from waiting import wait_for
from wrapping import Wrapping, the


def test_who_records_in_a_child_joins_the_attempt_and_the_end_counts_both(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    script = """
        import runseal
        with runseal.start_run("not asked for", total_steps=10) as run:
            run.log_metrics({"loss": 1.0}, 5)
            run.finish(completed_steps=10, total_steps=10, final_weights={"attempt": run.attempt, "step": 10})
    """
    assert wrapping.run(wrapping.python(script))[0] == 0
    end = the(door, "run.finished")
    (attempt,) = door.of_type("run.attempt-started")
    (row,) = door.of_type("run.metrics-logged")
    assert row["payload"]["attempt"] == attempt["id"] == end["attempt"]
    assert (end["completed_steps"], end["total_steps"], end["final_weights"]["step"]) == (10, 10, 10)
    counted = {one["id"]: one["count"] for one in end["producers"]}
    found: dict[str, int] = {}
    for event in door.sealed:
        found[event["producer"]["id"]] = found.get(event["producer"]["id"], 0) + 1
    assert counted == found
    assert len(counted) == 2
    assert the(door, "run.started")["experiment"] == "wrapped"


def test_a_killed_child_is_counted_from_its_spool_and_delivered(door: ScriptedDoor, wrapping: Wrapping) -> None:
    door.always = answer(503)
    script = """
        import os, signal, runseal
        run = runseal.start_run("x")
        run.log_metrics({"loss": 1.0}, 5)
        run.save_checkpoint(5)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    process = wrapping.start(wrapping.python(script))
    wait_for("a request", lambda: door.requests)
    wait_for(
        "the child's end", lambda: any(event["type"] == "run.checkpoint-saved" for event in spooled(wrapping.spool))
    )
    door.always = None
    process.communicate(timeout=60)
    assert process.returncode == 137
    end = the(door, "run.killed")
    (row,) = door.of_type("run.metrics-logged")
    assert {"id": row["producer"]["id"], "count": 2} in end["producers"]
    assert door.types.index("run.checkpoint-saved") < door.types.index("run.killed")


def test_nothing_of_a_child_is_sealed_before_the_attempt_that_it_names(door: ScriptedDoor, wrapping: Wrapping) -> None:
    def slow_to_the_first(exchange: Exchange) -> None:
        time.sleep(1.5)
        door.reply(exchange)

    door.faults = [slow_to_the_first]
    script = "import runseal\nwith runseal.start_run('x') as run:\n run.log_metrics({'loss': 1.0}, 1)\n run.flush(5)"
    assert wrapping.run(wrapping.python(script))[0] == 0
    kinds = [kind for kind in door.types if kind != "run.log-captured"]
    assert kinds == ["run.started", "run.attempt-started", "run.metrics-logged", "run.finished"]


def test_what_a_wrapped_run_left_is_sent_in_the_order_in_which_its_processes_started(
    door: ScriptedDoor, tmp_path: Path
) -> None:
    wrapping = Wrapping(tmp_path, None)
    script = (
        "import runseal\nfor _ in range(4):\n with runseal.start_run('x') as run: run.log_metrics({'loss': 1.0}, 1)"
    )
    assert wrapping.run(wrapping.python(script))[0] == 0
    from runseal.cli import main

    assert main(["spool", "send", wrapping.spool, "--url", door.url, "--key", "k"]) == 0
    begun: list[str] = []
    for event in door.sealed:
        begun += [event["id"]] if event["type"] == "run.attempt-started" else []
        assert event["payload"].get("attempt", None) in (None, *begun) or event["type"] == "run.finished"
    assert len(begun) == 4


def test_an_error_told_from_inside_says_why(door: ScriptedDoor, wrapping: Wrapping) -> None:
    script = "import runseal\nwith runseal.start_run('x') as run: raise ValueError('diverged')"
    process = wrapping.start(wrapping.python(script))
    process.communicate(timeout=60)
    assert process.returncode == 1
    end = the(door, "run.failed")
    assert (end["error"], end["exit_code"]) == ({"type": "ValueError", "message": "diverged"}, 1)


def test_a_second_training_in_one_command_is_an_attempt_of_its_own(door: ScriptedDoor, wrapping: Wrapping) -> None:
    one = "import runseal\nwith runseal.start_run('x') as run: run.log_metrics({'loss': 1.0}, 1)"
    assert wrapping.run(["sh", "-c", f'{sys.executable} -c "{one}" && {sys.executable} -c "{one}"'])[0] == 0
    first, second = (event["id"] for event in door.of_type("run.attempt-started"))
    assert [event["payload"]["attempt"] for event in door.of_type("run.metrics-logged")] == [first, second]
    end = the(door, "run.finished")
    assert (end["attempt"], len(end["producers"])) == (second, 3)


def test_a_run_goes_on_in_a_new_attempt_where_it_is_named(door: ScriptedDoor, wrapping: Wrapping) -> None:
    wrapping.run(wrapping.python("raise SystemExit(1)"))
    run = door.sealed[0]["stream"].partition("/")[2]
    wrapping.run(wrapping.python(""), "--run", run)
    assert {event["stream"] for event in door.sealed} == {f"run/{run}"}
    assert len(door.of_type("run.started")) == 1
    second = door.of_type("run.attempt-started")[1]
    assert second["payload"]["resumes"] == {"attempt": None, "step": None}
    assert the(door, "run.finished")["attempt"] == second["id"]


def test_what_preflight_finds_is_said_and_remarked_and_stops_a_strict_start(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    pytest.importorskip("yaml")
    (wrapping.folder / "train.yaml").write_text("stage: sft\noutput_dir: out\nhub_token: not_to_be_told_to_anybody\n")
    # What stands behind the script is the command line that it is started with.
    command = ["sh", "-c", "cat $2", "llamafactory-cli", "train", "train.yaml"]
    code, out, err = wrapping.run(command)
    assert (code, out) == (0, (wrapping.folder / "train.yaml").read_bytes())
    assert b"[config.in-git]" in err
    remarks = {event["payload"]["name"]: event["payload"] for event in door.of_type("run.annotated")}
    assert "config.in-git" in remarks["preflight"]["text"]
    assert remarks["preflight"]["value"] == len(remarks["preflight"]["text"].split(", "))
    assert remarks["config_masked"]["text"] == "/hub_token"
    config = next(
        event["payload"] for event in door.of_type("run.input-recorded") if event["payload"]["kind"] == "config"
    )
    assert config["digest"] == f"sha256:{hashlib.sha256(out).hexdigest()}"
    (parameters,) = door.of_type("run.parameters-recorded")
    assert parameters["payload"]["parameters"]["hub_token"] == "[masked]"
    assert "not_to_be_told" not in json.dumps(door.sealed)
    code, out, _ = wrapping.run(command, "--strict")
    assert (code, out, door.types.count("run.started")) == (2, b"", 1)


def test_a_configuration_that_nobody_can_read_is_handed_over_as_it_stands(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    (wrapping.folder / "train.yaml").write_text("a: [")
    code, out, err = wrapping.run(["sh", "-c", "cat $2", "llamafactory-cli", "train", "train.yaml"])
    assert (code, out) == (0, b"a: [")
    assert b"the configuration cannot be read: train.yaml" in err
    (config,) = door.of_type("run.input-recorded")
    assert config["payload"]["digest"] == f"sha256:{hashlib.sha256(out).hexdigest()}"


def trainer(rows: list[dict[str, Any]], after: str = "") -> str:
    """A trainer in no language of ours: it writes what LLaMA-Factory writes."""
    return f"""
        import json, os, time
        os.makedirs("out/checkpoint-10", exist_ok=True)
        for row in {rows!r}:
            with open("out/trainer_log.jsonl", "a") as file: file.write(json.dumps(row) + "\\n")
        time.sleep(2.5)
        open("out/adapter_config.json", "w").write("{{}}")
        open("out/adapter_model.bin", "w").write("weights")
        {after}
    """


ROWS = [
    {"current_steps": 10, "total_steps": 20, "loss": 2.0, "lr": 0.1, "epoch": 0.5},
    {"current_steps": 20, "total_steps": 20, "loss": 1.0, "lr": 0.1, "epoch": 1.0},
    {"current_steps": 20, "total_steps": 20, "epoch": 1.0},
]


def test_a_trainer_that_nobody_hooks_into_is_followed_by_its_files(door: ScriptedDoor, wrapping: Wrapping) -> None:
    assert wrapping.run(wrapping.python(trainer(ROWS)), "--output-dir", "out")[0] == 0
    assert [(row["step"], row["values"]["loss"], row["at"]) for row in door.rows] == [(10, 2.0, None), (20, 1.0, None)]
    assert the(door, "run.checkpoint-saved")["step"] == 10
    outputs = {event["payload"]["role"]: event["payload"] for event in door.of_type("run.output-recorded")}
    assert outputs["weights"]["digest"] == f"sha256:{hashlib.sha256(b'weights').hexdigest()}"
    assert outputs["weights"]["type"] == "lora"
    end = the(door, "run.finished")
    assert (end["total_steps"], end["completed_steps"], end["final_weights"]["step"]) == (20, 20, 20)
    receipt = wrapping.receipt()
    assert receipt["run"] == door.sealed[0]["stream"].partition("/")[2]
    assert receipt["receipt"]["seq"] == len(door.sealed) - 1
    assert receipt["events"] == {"accepted": len(door.sealed), "spooled": 0, "set_aside": 0}
    check_against_published_schemas(door.sealed)


def test_a_signal_while_outputs_are_hashed_ends_that_wait_and_the_end_is_sealed_all_the_same(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    script = "import os; os.mkdir('out'); file = open('out/model.safetensors', 'wb'); file.truncate(200 * 1024**3)"
    process = wrapping.start(wrapping.python(script), "--output-dir", "out")
    wait_for("the hashing", lambda: any(body["phase"] == "hash" for _, body in door.beats), 60)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert time.monotonic() - began < 30
    assert door.of_type("run.output-recorded")[0]["payload"]["digest"] is None
    assert door.types[-1] == "run.finished"


def test_outputs_of_a_command_that_failed_are_not_taken_for_its_weights(door: ScriptedDoor, wrapping: Wrapping) -> None:
    assert wrapping.run(wrapping.python(trainer(ROWS[:1], "raise SystemExit(1)")), "--output-dir", "out")[0] == 1
    assert door.of_type("run.output-recorded") == []
    end = the(door, "run.failed")
    assert (end["completed_steps"], end["final_weights"]) == (10, None)
