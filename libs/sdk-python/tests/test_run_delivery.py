"""What a run does about a server that is away, refuses or forgets, and about paths and places."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from scripted_door import Exchange, ScriptedDoor, answer, problem, reset, reset_after_commit, silence
from spools import spooled
from starting import check_against_published_schemas, start
from waiting import wait_for

import runseal


def test_goes_on_after_faults_and_a_retry_after_which_it_honours(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    door.faults += [answer(500), reset, problem(503, "unavailable"), answer(429, retry_after="2"), reset_after_commit]
    began = time.monotonic()
    run = start(door, spool_dir, said, drain_s=40)
    assert run.finish().complete
    assert time.monotonic() - began > 2
    assert door.types == ["run.started", "run.attempt-started", "run.finished"]
    assert len(said) == 1


def test_the_end_returns_at_its_deadline_when_the_server_hangs(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    door.always = silence
    run = start(door, spool_dir, said, drain_s=0.5)
    began = time.monotonic()
    delivery = run.finish()
    assert (delivery.complete, delivery.spooled) == (False, 3)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("trouble", [problem(401, "unauthenticated"), problem(409, "ledger_rewound")])
def test_what_only_a_person_can_help_keeps_everything_and_waits_for_nobody(
    trouble: Any, door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    door.always = trouble
    run = start(door, spool_dir, said, drain_s=30)
    began = time.monotonic()
    assert not run.finish().complete
    assert time.monotonic() - began < 10
    assert len(said) == 2
    assert len(spooled(spool_dir)) == 3


def test_an_event_that_is_refused_for_itself_is_set_aside_and_declared(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    def refuse_poison(exchange: Exchange) -> None:
        guilty = [{"index": index} for index, event in enumerate(exchange.request.events) if "poison" in str(event)]
        if guilty:
            problem(400, "secret_detected", errors=guilty)(exchange)
        else:
            door.reply(exchange)

    door.always = refuse_poison
    run = start(door, spool_dir, said)
    run.log_parameters({"a": "poison"})
    run.log_parameters({"a": "food"})
    delivery = run.finish()
    assert delivery.complete
    assert delivery.set_aside == 1
    poison = next(event for event in spooled(spool_dir) if "poison" in str(event["payload"]))
    declared = door.of_type("run.events-dropped")[0]["payload"]
    producer = {name: poison["producer"][name] for name in ("id", "seq")}
    assert declared["set_aside"] == [
        {"id": poison["id"], "type": poison["type"], "producer": producer, "code": "secret_detected"}
    ]
    kept = json.loads((Path(spool_dir) / "refused" / f"{poison['id']}.json").read_text())
    assert kept["event"] == poison
    assert (kept["code"], kept["problem"]["status"]) == ("secret_detected", 400)
    check_against_published_schemas(door.sealed)


def test_what_a_restore_lost_is_sent_again(door: ScriptedDoor, spool_dir: str, said: list[str]) -> None:
    run = start(door, spool_dir, said)
    run.log_parameters({"a": 1})
    run.flush()
    wait_for("the first events", lambda: len(door.sealed) == 3)
    before = door.ids
    door.restore(1)
    door.faults.append(problem(409, "epoch_changed", epoch=1, kept_size=1))
    run.log_parameters({"a": 2})
    assert run.finish().complete
    assert door.ids[:3] == before
    assert door.types[3:] == ["run.parameters-recorded", "run.finished"]
    assert any("2 events are sent again" in line for line in said)


def test_paths_are_hashed_in_the_background_and_registered(
    door: ScriptedDoor, spool_dir: str, said: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "adapter.bin").write_text("weights")
    run = start(door, spool_dir, said)
    run.log_output("weights", type="lora", path=str(out), hash=True)
    run.save_checkpoint(1, path=str(tmp_path / "missing"), hash=True)
    run.finish()
    output = door.of_type("run.output-recorded")[0]["payload"]
    assert output["size_bytes"] == 7
    assert [(file["path"], file["size_bytes"]) for file in output["files"]] == [("adapter.bin", 7)]
    assert output["digest"] == runseal.hash_folder(str(out)).digest
    artifact = door.of_type("artifact.registered")[0]
    assert artifact["stream"] == f"artifact/{output['digest']}"
    assert artifact["payload"]["form"] == "folder"
    assert artifact["payload"]["run"] == run.id
    assert door.of_type("run.checkpoint-saved")[0]["payload"]["digest"] is None
    assert door.types[-1] == "run.finished"
    assert len(said) == 1
    check_against_published_schemas(door.sealed)


def test_a_spool_that_would_not_outlive_the_machine_goes_beside_the_output(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    volatile = "/dev/shm"
    from runseal.spool.places import file_system_of

    if file_system_of(volatile) != "tmpfs" or file_system_of(str(tmp_path)) in ("tmpfs", "overlay"):
        pytest.skip("this machine has no tmpfs beside a disk")
    monkeypatch.setattr("runseal.config.default_spool", lambda: f"{volatile}/runseal-test/spool")
    run = runseal.start_run("x", output_dir=str(tmp_path / "out"), say=said.append)
    folder = run.finish().folder
    assert str(folder).startswith(str(tmp_path / "out" / ".runseal"))
    assert "tmpfs" in said[0]
    assert runseal.hash_folder(str(tmp_path / "out")).files == []


def test_twenty_thousand_rows_cost_microseconds_and_all_arrive(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(door, spool_dir, said)
    times = []
    for step in range(20_000):
        began = time.perf_counter()
        run.log_metrics({"loss": 2.1, "grad_norm": 0.5, "learning_rate": 1e-4, "epoch": 0.1}, step)
        times.append(time.perf_counter() - began)
    assert sorted(times)[len(times) // 2] < 1e-4
    assert run.finish().complete
    refused = [one for event in door.of_type("run.events-dropped") for one in event["payload"]["not_accepted"]]
    assert len(door.rows) + sum(one["count"] for one in refused) == 20_000
