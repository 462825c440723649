"""`runseal watch` and `runseal attach`: trainings that somebody else started, or a run that is there already."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from scripted_door import Json, ScriptedDoor
from starting import check_against_published_schemas
from waiting import wait_for
from wrapping import Wrapping


@pytest.fixture
def wrapping(door: ScriptedDoor, tmp_path: Path) -> Wrapping:
    return Wrapping(tmp_path, door.url)


def write_rows(folder: Path, *rows: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / "trainer_log.jsonl").open("a") as file:
        for row in rows:
            file.write(json.dumps({"total_steps": 20, **row}) + "\n")


def end_of(door: ScriptedDoor, kind: str) -> Json:
    (event,) = door.of_type(kind)
    payload: Json = event["payload"]
    return payload


def test_a_foreign_training_is_followed_as_it_happens_to_its_end(door: ScriptedDoor, wrapping: Wrapping) -> None:
    out = wrapping.folder / "out"
    process = wrapping.start([], "out", "--quiet", "0.5", program="watch")
    wait_for("the start", lambda: "run.attempt-started" in door.types)
    write_rows(out, {"current_steps": 5, "loss": 2.0})
    (out / "checkpoint-5").mkdir()
    wait_for("the first row", lambda: door.rows)
    wait_for("the checkpoint", lambda: "run.checkpoint-saved" in door.types)
    (out / "checkpoint-5").rmdir()
    (out / "checkpoint-10").mkdir()
    write_rows(out, {"current_steps": 10, "loss": 1.0}, {"current_steps": 10, "eval_loss": 1.5}, {"current_steps": 20})
    history = [
        {"step": 5, "loss": 2.0, "grad_norm": 0.5},
        {"step": 10, "eval_loss": 1.5},
        {"train_loss": 1.5, "step": 20},
    ]
    (out / "adapter_model.bin").write_text("weights")
    (out / "trainer_state.json").write_text(json.dumps({"log_history": history, "global_step": 20, "max_steps": 20}))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    rows = [(row["kind"], row["step"], row["n"], row["values"]) for row in door.rows]
    assert rows == [
        ("train", 5, 0, {"loss": 2.0}),
        ("train", 10, 0, {"loss": 1.0}),
        ("eval", 10, 0, {"eval_loss": 1.5}),
        # What only the closing state knows.
        ("train", 5, 1, {"grad_norm": 0.5}),
        ("summary", 20, 0, {"train_loss": 1.5}),
    ]
    # Said before the rows whose steps were passed already.
    assert end_of(door, "run.annotated")["name"] == "rows_completed"
    said = door.types.index("run.annotated")
    assert [one for one in door.types[said:] if one != "run.resources-sampled"][1] == "run.metrics-logged"
    assert end_of(door, "run.checkpoint-deleted")["step"] == 5
    assert end_of(door, "run.finished")["completed_steps"] == 20
    assert [event["payload"]["role"] for event in door.of_type("run.output-recorded")][:2] == ["weights", "report"]
    assert door.beats
    assert wrapping.receipt()["receipt"]["seq"] == len(door.sealed) - 1
    check_against_published_schemas(door.sealed)


def test_a_training_that_falls_silent_is_told_as_broken_off(door: ScriptedDoor, wrapping: Wrapping) -> None:
    write_rows(wrapping.folder / "out", {"current_steps": 5, "loss": 2.0})
    code, _, err = wrapping.run([], "out", "--idle", "0.5", program="watch")
    assert code == 2
    assert b"has fallen silent" in err
    end = end_of(door, "run.failed")
    assert (end["completed_steps"], end["final_weights"]) == (5, None)
    assert "has changed for 0.5 s" in end["error"]["message"]


def test_a_folder_that_never_comes_is_given_up(door: ScriptedDoor, wrapping: Wrapping) -> None:
    assert wrapping.run([], "nowhere", "--idle", "0.3", program="watch")[0] == 2
    assert not os.path.exists(wrapping.folder / "nowhere")
    assert door.types == ["run.started", "run.attempt-started", "run.failed"]


def test_who_stops_watching_leaves_the_training_its_run(door: ScriptedDoor, wrapping: Wrapping) -> None:
    write_rows(wrapping.folder / "out", {"current_steps": 5, "loss": 2.0})
    process = wrapping.start([], "out", program="watch")
    wait_for("heartbeats", lambda: door.beats)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2, err
    assert b"left without an end" in err
    assert door.types == ["run.started", "run.attempt-started", "run.metrics-logged"]


def test_a_command_is_attached_to_a_run_and_its_training_is_an_attempt_that_seals_its_own_end(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    wrapping.run(wrapping.python("raise SystemExit(1)"))
    run = door.sealed[0]["stream"].partition("/")[2]
    script = """
        import os, sys, runseal
        with runseal.start_run() as run: run.log_metrics({"loss": 1.0}, 1)
        print(run.id, os.environ.get("RUNSEAL_WRAPPER_DIR"))
        sys.exit(5)
    """
    code, out, _ = wrapping.run(wrapping.python(script), run, program="attach")
    assert (code, out) == (5, f"{run} None\n".encode())
    assert door.types.count("run.started") == 1
    assert door.types[-3:] == ["run.attempt-started", "run.metrics-logged", "run.finished"]


def test_attaching_to_what_is_no_run_starts_nothing(door: ScriptedDoor, wrapping: Wrapping) -> None:
    began = time.monotonic()
    code, out, err = wrapping.run(wrapping.python("print('started')"), "mine", program="attach")
    assert (code, out, door.types) == (2, b"", [])
    assert b"no lower-case UUID" in err
    assert time.monotonic() - began < 10
