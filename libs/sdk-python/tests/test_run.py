"""None"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Optional

import pytest
from scripted_door import Json, ScriptedDoor
from spools import KEY
from starting import check_against_published_schemas, start

import runseal


def test_a_whole_run_is_sealed_in_order_counted_without_a_hole_the_end_telling_the_count(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(
        door, spool_dir, said, name="first", target_model="m", tags={"team": "a"}, total_steps=20, tasks=("qa",)
    )
    run.log_parameters({"lr": 1e-4, "lora": {"rank": 8}, "modules": ("q", "v")})
    run.log_environment(versions={"python": "3.13"}, hardware={"gpu_type": "cpu", "gpu_count": 0})
    run.log_input("base_model", source="hub/model", revision="a" * 40)
    run.log_input("dataset", role="train", name="tickets", samples=10)
    run.log_input("config", git={"repository": None, "commit": "c" * 40, "dirty": False})
    run.log_input("other", role="template", path="x")
    run.log_metrics({"loss": 2.1, "grad_norm": float("nan")}, 10)
    run.save_checkpoint(10, path="/out/checkpoint-10")
    scale = {"from": 0, "to": 1}
    metric = {"name": "f1", "value": float("inf"), "scale": scale, "standard_error": None}
    run.evaluate({"kind": "fixed", "name": "held-out"}, metrics=[metric])
    run.log_output("weights", path="/out", digest="sha256:" + "b" * 64)
    delivery = run.finish(completed_steps=10, final_weights={"attempt": run.attempt, "step": 10})
    assert delivery[:3] == (True, 0, 0)
    assert str(delivery.folder).startswith(spool_dir)

    assert door.types == [
        "run.started",
        "run.attempt-started",
        "run.parameters-recorded",
        "run.environment-recorded",
        *["run.input-recorded"] * 4,
        "run.metrics-logged",
        "run.checkpoint-saved",
        "run.evaluated",
        "run.output-recorded",
        "artifact.registered",
        "run.finished",
    ]
    check_against_published_schemas(door.sealed)
    assert [event["producer"]["seq"] for event in door.sealed] == list(range(14))
    end = door.sealed[-1]["payload"]
    assert end["producers"] == [{"id": door.sealed[0]["producer"]["id"], "count": 14}]
    assert (end["completed_steps"], end["final_weights"]["step"], end["attempt"]) == (10, 10, run.attempt)
    assert (door.sealed[1]["id"], door.sealed[1]["stream"]) == (run.attempt, f"run/{run.id}")
    assert door.sealed[2]["payload"]["parameters"] == {"lr": 1e-4, "modules": ["q", "v"], "lora.rank": 8}
    assert door.rows[0]["values"] == {"loss": 2.1, "grad_norm": "NaN"}
    assert (door.rows[0]["kind"], door.rows[0]["step"], door.rows[0]["n"]) == ("train", 10, 0)
    assert door.of_type("run.evaluated")[0]["payload"]["metrics"][0]["value"] == "Infinity"
    assert said == []


def test_the_key_is_a_bearer_the_last_receipt_is_known_and_the_key_is_written_nowhere(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    receipts: list[str] = []
    run = start(door, spool_dir, said, on_receipts=lambda some: receipts.extend(one["id"] for one in some))
    run.flush()
    run.log_metrics({"loss": 1.0}, 1)
    run.finish()
    assert door.requests[0].authorization == f"Bearer {KEY}"
    assert door.requests[0].known is None
    known = door.requests[-1].known
    assert known is not None
    assert known["epoch"] == 0
    assert receipts == door.ids
    for folder, _, names in os.walk(spool_dir):
        for name in names:
            assert KEY.encode() not in (Path(folder) / name).read_bytes()


def test_wrong_arguments_are_refused_all_at_once_without_the_key(spool_dir: str, said: list[str]) -> None:
    with pytest.raises(runseal.ConfigError) as caught:
        start(
            None,
            spool_dir,
            said,
            url="ftp://x",
            api_key="two words",
            run_id="mine",
            drain_s=-1,
            ca_file="/nowhere",
            typo=1,
        )
    assert len(caught.value.faults) == 6
    assert "two words" not in str(caught.value)
    wrong: list[tuple[Json, str]] = [
        ({"url": "http://me:pass@host/"}, "credentials"),
        ({"experiment": "x\0y"}, "experiment"),
        ({"experiment": "\ud800"}, "JSON"),
        ({"experiment": ""}, "RUNSEAL_EXPERIMENT"),
        ({"trainer": {"name": "x"}}, "trainer"),
    ]
    for options, says in wrong:
        with pytest.raises(runseal.ConfigError, match=says):
            start(None, spool_dir, said, **options)
    assert not os.path.exists(spool_dir)


def test_settings_come_from_the_environment_where_no_argument_says_otherwise(
    door: ScriptedDoor, spool_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "RUNSEAL_URL": f"{door.url}/",
        "RUNSEAL_API_KEY": KEY,
        "RUNSEAL_EXPERIMENT": "from the environment",
        "RUNSEAL_SPOOL_DIR": spool_dir,
        "RUNSEAL_DRAIN_S": "7",
    }.items():
        monkeypatch.setenv(name, value)
    assert runseal.start_run().finish().complete
    assert door.sealed[0]["payload"]["experiment"] == "from the environment"


def test_a_server_that_is_away_is_said_once_and_everything_is_kept(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(None, spool_dir, said, url="http://127.0.0.1:9", drain_s=0.3)
    run.log_metrics({"loss": 1.0}, 1)
    delivery = run.finish()
    assert (delivery.complete, delivery.spooled) == (False, 4)
    assert len(said) == 2
    assert "refused" in said[0]
    assert "4 events are still spooled" in said[1]
    assert f"runseal spool send {spool_dir}" in said[1]


@pytest.mark.parametrize("missing", ["RUNSEAL_URL", "RUNSEAL_API_KEY"])
def test_without_address_or_key_the_spool_is_all_and_one_line_says_so(
    missing: str, spool_dir: str, said: list[str], door: ScriptedDoor
) -> None:
    options: dict[str, Any] = {
        "url": door.url,
        "api_key": KEY,
        "spool_dir": spool_dir,
        "say": said.append,
        "drain_s": 5,
    }
    del options["url" if missing == "RUNSEAL_URL" else "api_key"]
    began = time.monotonic()
    run = runseal.start_run("x", **options)
    assert (run.finish().complete, run.finish().spooled) == (False, 3)
    assert time.monotonic() - began < 3
    assert len(said) == 1
    assert f"no {missing}" in said[0]
    assert "runseal spool send" in said[0]
    assert door.requests == []


def test_attaches_to_a_run_with_an_attempt_of_its_own(door: ScriptedDoor, spool_dir: str, said: list[str]) -> None:
    run_id = "01936b6e-1111-7000-8000-000000000000"
    run = start(door, spool_dir, said, experiment=None, run_id=run_id, resumes={"attempt": None, "step": 300})
    run.finish()
    assert door.types == ["run.attempt-started", "run.finished"]
    assert door.sealed[0]["stream"] == f"run/{run_id}"
    assert door.sealed[0]["payload"]["resumes"] == {"attempt": None, "step": 300}


@pytest.mark.parametrize("way", ["rank", "RANK", "RUNSEAL_DISABLED"])
def test_other_ranks_and_a_disabled_client_do_nothing_at_all(
    way: str, door: ScriptedDoor, spool_dir: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if way != "rank":
        monkeypatch.setenv(way, "1")
    run = start(
        door, spool_dir, said, experiment=None if way == "RUNSEAL_DISABLED" else "x", rank=1 if way == "rank" else None
    )
    with run:
        run.log_metrics({"loss": 1.0}, 1)
        run.log_parameters({"a": 1})
        assert run.record("run.parameters-recorded", {}) is None
        assert run.flush() == (True, 0, 0, None)
    assert run.finish() == (True, 0, 0, None)
    assert door.requests == []
    assert said == []
    assert not os.path.exists(spool_dir)


def test_rank_zero_of_several_records(
    door: ScriptedDoor, spool_dir: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    assert start(door, spool_dir, said).finish().complete
    assert len(door.sealed) == 3


@pytest.mark.parametrize(
    ("error", "event_type", "payload"),
    [
        (None, "run.finished", {}),
        (SystemExit(0), "run.finished", {}),
        (SystemExit(3), "run.failed", {"exit_code": 3, "error": {"type": "SystemExit", "message": "3"}}),
        (
            MemoryError("out of\0 memory \ud800"),
            "run.failed",
            {"error": {"type": "MemoryError", "message": "out of memory ?"}, "exit_code": None},
        ),
        (
            KeyboardInterrupt(),
            "run.failed",
            {"signal": "SIGINT", "error": {"type": "KeyboardInterrupt", "message": None}},
        ),
    ],
)
def test_a_block_ends_the_run_as_it_ended_itself(
    error: Optional[BaseException], event_type: str, payload: Json, door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    def block() -> None:
        with start(door, spool_dir, said):
            if error is not None:
                raise error

    if error is None:
        block()
    else:
        with pytest.raises(type(error)) as caught:
            block()
        assert caught.value is error
    assert door.types[-1] == event_type
    assert payload.items() <= door.sealed[-1]["payload"].items()
    assert door.types.count(event_type) == 1
