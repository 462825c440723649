"""`runseal run` against the real server."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from test_end_to_end import Server, pytestmark, server
from waiting import wait_for
from wrapping import Wrapping

from runseal.delivery.door import Door

__all__ = ["pytestmark", "server"]


@pytest.fixture
def wrapping(server: Server, tmp_path: Path) -> Wrapping:
    return Wrapping(tmp_path, server.url)


def state_of(server: Server, run: str) -> Any:
    try:
        return server.get(f"/v1/runs/{run}")["state"]
    except OSError:
        return None


def test_a_command_shows_as_running_takes_heartbeats_and_ends_as_killed(server: Server, wrapping: Wrapping) -> None:
    script = """
        import os, time, runseal
        run = runseal.start_run("x")
        run.log_metrics({"loss": 1.0}, 1)
        run.save_checkpoint(1)
        print(run.id, run.attempt, os.getpid(), flush=True)
        time.sleep(600)
    """
    process = wrapping.start(wrapping.python(script), RUNSEAL_API_KEY=server.api_key)
    assert process.stdout is not None
    run, attempt, child = process.stdout.readline().decode().split()
    wait_for("the run", lambda: state_of(server, run) == "running")
    door = Door(server.url, server.api_key)
    body = json.dumps({"attempt": attempt, "phase": "train"}).encode()
    path = f"/v1/runs/{run}/heartbeat"
    wait_for("a heartbeat taken", lambda: door.ask(path, body)[0] == 200)
    answer = door.ask(path, body)[1]
    assert answer["stop"] is False
    assert answer["lease_s"] > 0

    os.kill(int(child), signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 137
    wait_for("the end", lambda: state_of(server, run) == "killed")
    events = server.events(run)
    (end,) = [event["payload"] for event in events if event["type"] == "run.killed"]
    found: dict[str, int] = {}
    for event in events:
        found[event["producer"]["id"]] = found.get(event["producer"]["id"], 0) + 1
    assert {one["id"]: one["count"] for one in end["producers"]} == found
    assert server.get(f"/v1/runs/{run}")["faults"] == []
    (verdict, *_) = wait_for("a verdict", lambda: server.get(f"/v1/runs/{run}/gates")["items"])
    gate = next(one for one in verdict["gates"] if one["id"] == "G6")
    assert "producers" not in [one["name"] for one in gate["inputs"]]
    assert server.verify()["verdict"] == "intact"
