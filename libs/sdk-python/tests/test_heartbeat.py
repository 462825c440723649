"""What a run tells the server to be known as alive, and what becomes of the server's wish that it ends."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from scripted_door import ScriptedDoor
from spools import KEY
from starting import start
from test_training import train
from waiting import wait_for

STOP = (200, {"lease_s": 0.3, "alerts": [{"id": "a", "rule": "nonfinite"}], "stop": True})
#: A trainer's loop that ends where it is asked to.
LOOP = """
import time
training = begin_training(objects, {"experiment": "e", **OPTIONS})
control = SimpleNamespace(should_training_stop=False)
for step in range(1, 41):
    state.global_step = step
    if WAITS and step == 5:
        training.run.flush(10)
        while not training.run.stop_requested:
            time.sleep(0.01)
    training.stepped(control)
    if control.should_training_stop:
        break
training.trained()
"""


def test_a_run_is_told_to_be_alive_until_its_end(door: ScriptedDoor, spool_dir: str, said: list[str]) -> None:
    others = set(threading.enumerate())
    run = start(door, spool_dir, said)
    wait_for("two heartbeats", lambda: len(door.beats) >= 2)
    path, body = door.beats[0]
    assert path == f"/v1/runs/{run.id}/heartbeat"
    assert body == {"attempt": run.attempt, "phase": "train"}
    run.finish()
    wait_for("the heart's end", lambda: set(threading.enumerate()) <= others)


def test_a_loop_of_ones_own_can_see_that_the_server_wants_an_end(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    door.beat_answer = STOP
    with start(door, spool_dir, said) as run:
        assert run.stop_requested is False
        wait_for("the wish", lambda: run.stop_requested)
    assert "alert: nonfinite" in "\n".join(said)
    (remark,) = (event["payload"] for event in door.of_type("run.annotated"))
    assert (remark["name"], remark["value"]) == ("stop_requested", None)


@pytest.mark.parametrize("how", ["option", "variable", "not at all"])
def test_a_callback_alone_tells_what_the_trainer_does_and_obeys_only_where_the_user_lets_it(
    how: str, door: ScriptedDoor, tmp_path: Path
) -> None:
    door.beat_answer = STOP
    options = 'OPTIONS, WAITS = {"on_alert": "stop"}, True' if how == "option" else "OPTIONS, WAITS = {}, True"
    wish = "stop" if how == "variable" else ""
    train(tmp_path, f"{options}\n{LOOP}", RUNSEAL_URL=door.url, RUNSEAL_API_KEY=KEY, RUNSEAL_ON_ALERT=wish)
    assert door.beats[0][1] == {"attempt": door.of_type("run.attempt-started")[0]["id"], "phase": "train"}
    remarks = {event["payload"]["name"]: event["payload"] for event in door.of_type("run.annotated")}
    (end,) = door.of_type("run.finished")
    obeys = how != "not at all"
    assert remarks["stop_requested"]["value"] is obeys
    assert ("stopped_on_request" in remarks) is obeys
    assert end["payload"]["completed_steps"] == (5 if obeys else 40)


def test_another_word_than_stop_is_told_and_stops_nothing(door: ScriptedDoor, tmp_path: Path) -> None:
    script = (
        f'OPTIONS, WAITS = {{"on_alert": "halt", "say": lambda line: open("said", "a").write(line)}}, False\n{LOOP}'
    )
    train(tmp_path, script, RUNSEAL_URL=door.url, RUNSEAL_API_KEY=KEY)
    assert door.of_type("run.finished")[0]["payload"]["completed_steps"] == 40
    assert "found 'halt', wanted \"stop\"" in (tmp_path / "said").read_text()
