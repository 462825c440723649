"""`runseal run` and its server: away, silent, asking for a stop; and what a killed wrapper leaves."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Optional

import pytest
from scripted_door import ScriptedDoor, answer, silence
from spools import spooled
from waiting import wait_for
from wrapping import Wrapping, the


def test_a_killed_wrapper_takes_nothing_from_the_command_which_ends_its_run_itself(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    script = """
        import os, sys, time, runseal
        with runseal.start_run("x", total_steps=2) as run:
            run.log_metrics({"loss": 1.0}, 1)
            print("ready", flush=True)
            while not os.path.exists("go"):
                time.sleep(0.05)
            print("x" * 200_000, flush=True)
            print("late", file=sys.stderr, flush=True)
            run.finish(completed_steps=2)
        open("ended", "w").close()
    """
    process = wrapping.start(wrapping.python(script))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    wait_for("the attempt", lambda: "run.attempt-started" in door.types)
    process.kill()
    process.wait()
    beats = len(door.beats)
    wait_for("heartbeats of the command itself", lambda: len(door.beats) > beats)
    (wrapping.folder / "go").touch()
    out, err = process.communicate(timeout=30)
    assert (len(out), err.endswith(b"late\n")) == (200_001, True)
    assert (wrapping.folder / "ended").exists()
    end = the(door, "run.finished")
    assert (end["attempt"], end["completed_steps"]) == (door.of_type("run.attempt-started")[0]["id"], 2)


def test_a_killed_wrapper_leaves_a_run_without_an_end_whose_events_another_process_sends(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    door.always = answer(503)
    process = wrapping.start(wrapping.python("import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.communicate()
    os.kill(child, signal.SIGKILL)
    door.always = None
    from runseal.cli import main

    assert main(["spool", "send", wrapping.spool, "--url", door.url, "--key", "k"]) == 0
    assert door.types[:2] == ["run.started", "run.attempt-started"]
    assert not {"run.finished", "run.failed", "run.killed"} & set(door.types)


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9"])
def test_without_a_server_the_command_runs_all_the_same_and_everything_waits(
    url: Optional[str], tmp_path: Path
) -> None:
    wrapping = Wrapping(tmp_path, url)
    code, out, err = wrapping.run(
        wrapping.python("import os; os.mkdir('out'); print('trained')"), "--output-dir", "out"
    )
    assert (code, out) == (0, b"trained\n")
    types = [event["type"] for event in spooled(wrapping.spool)]
    assert (types[0], types[-1]) == ("run.started", "run.finished")
    assert f"runseal spool send {wrapping.spool}".encode() in err
    receipt = wrapping.receipt()
    assert (receipt["receipt"], receipt["events"]["spooled"]) == (None, len(types))
    assert receipt["send"] == f"runseal spool send {wrapping.spool}"


def test_a_server_that_dies_in_the_middle_loses_nothing(door: ScriptedDoor, wrapping: Wrapping) -> None:
    script = "import sys; print('half'); import time; time.sleep(3); print('whole')"
    process = wrapping.start(wrapping.python(script), RUNSEAL_DRAIN_S="0.5")
    wait_for("the start", lambda: "run.attempt-started" in door.types)
    door.always = answer(503)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert "run.finished" not in door.types
    door.always = None
    from runseal.cli import main

    assert main(["spool", "send", wrapping.spool, "--url", door.url, "--key", "k"]) == 0
    assert door.types[-1] == "run.finished"
    assert sorted(event["producer"]["seq"] for event in door.sealed) == list(range(len(door.sealed)))


def test_a_server_that_never_answers_delays_neither_start_nor_end_beyond_the_drain(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    door.always = silence
    began = time.monotonic()
    script = "import runseal\nwith runseal.start_run('x') as run: run.log_metrics({'loss': 1.0}, 1)"
    assert wrapping.run(wrapping.python(script), RUNSEAL_DRAIN_S="8")[0] == 0
    # The child's two seconds, and eight in all for what both left.
    assert time.monotonic() - began < 8 + 2 + 5


def test_its_own_cost_before_the_command_starts_is_below_a_second(wrapping: Wrapping) -> None:
    took = []
    for _ in range(3):
        began = time.time()
        _, out, _ = wrapping.run(wrapping.python("import time; print(time.time())"))
        took.append(float(out) - began)
    assert min(took) < 1.0


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (["--model", "no name for a model"], {}),
        ([], {"RUNSEAL_URL": "ftp://x"}),
        ([], {"RUNSEAL_DRAIN_S": "soon"}),
        (["--run", "mine"], {}),
    ],
)
def test_what_cannot_be_recorded_is_said_and_runs_unrecorded_unless_strict(
    options: list[str], variables: dict[str, str], door: ScriptedDoor, wrapping: Wrapping
) -> None:
    code, out, err = wrapping.run(wrapping.python("print('trained')"), *options, **variables)
    assert (code, out) == (0, b"trained\n")
    assert b"the command runs unrecorded" in err
    code, out, err = wrapping.run(wrapping.python("print('trained')"), "--strict", *options, **variables)
    assert (code, out) == (2, b"")
    assert b"not started, because of --strict" in err
    assert door.types == []


@pytest.mark.parametrize("variables", [{"RUNSEAL_DISABLED": "1"}, {"NODE_RANK": "1"}, {"RANK": "3"}])
def test_where_nothing_is_to_be_recorded_the_command_takes_our_place(
    variables: dict[str, str], door: ScriptedDoor, wrapping: Wrapping
) -> None:
    code, out, err = wrapping.run(wrapping.python("print('trained'); raise SystemExit(7)"), **variables)
    assert (code, out, door.types) == (7, b"trained\n", [])
    assert err.startswith(b"runseal: ")


def test_a_full_spool_costs_logs_which_are_counted_and_no_training(door: ScriptedDoor, wrapping: Wrapping) -> None:
    door.always = answer(503)
    blocked = wrapping.folder / "blocked"
    blocked.write_text("a file where the spool should be")
    code, out, err = wrapping.run(
        wrapping.python("print('trained')"), RUNSEAL_SPOOL_DIR=str(blocked), RUNSEAL_DRAIN_S="0.2"
    )
    assert (code, out) == (0, b"trained\n")
    assert b"cannot be written" in err


def test_heartbeats_tell_attempt_and_phase_and_stop_with_the_command(door: ScriptedDoor, wrapping: Wrapping) -> None:
    process = wrapping.start(wrapping.python("import time; time.sleep(2.5)"))
    wait_for("three heartbeats", lambda: len(door.beats) >= 3)
    process.communicate(timeout=30)
    path, body = door.beats[0]
    (attempt,) = door.of_type("run.attempt-started")
    assert path == f"/v1/{attempt['stream'].replace('run/', 'runs/')}/heartbeat"
    assert body == {"attempt": attempt["id"], "phase": "load"}
    count = len(door.beats)
    assert count <= 20


def test_a_server_that_knows_no_heartbeats_gets_no_second_one(door: ScriptedDoor, wrapping: Wrapping) -> None:
    door.beat_answer = (404, {"code": "not_found"})
    wrapping.run(wrapping.python("import time; time.sleep(3)"))
    assert len(door.beats) == 1


def test_a_run_that_is_not_known_yet_is_told_of_again(door: ScriptedDoor, wrapping: Wrapping) -> None:
    door.beat_answer = (404, {"code": "run_unknown"})
    process = wrapping.start(wrapping.python("import time; time.sleep(60)"))
    wait_for("a heartbeat", lambda: door.beats)
    door.beat_answer = (200, {"lease_s": 30, "alerts": [], "stop": False})
    wait_for("another", lambda: len(door.beats) > 1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


@pytest.mark.parametrize("obeys", [True, False])
def test_stop_reaches_the_training_only_where_the_user_lets_it(
    obeys: bool, door: ScriptedDoor, wrapping: Wrapping
) -> None:
    door.beat_answer = (200, {"lease_s": 0.3, "alerts": [{"id": "a", "rule": "nonfinite"}], "stop": True})
    script = """
        import os, time
        stop = os.path.join(os.environ["RUNSEAL_WRAPPER_DIR"], "stop")
        for _ in range(30):
            time.sleep(0.1)
            if os.path.exists(stop):
                print("stopped")
                break
    """
    _, out, err = wrapping.run(wrapping.python(script), *(["--on-alert", "stop"] if obeys else []))
    assert out == (b"stopped\n" if obeys else b"")
    assert b"alert: nonfinite" in err
    remark = the(door, "run.annotated")
    assert (remark["name"], remark["value"]) == ("stop_requested", obeys)
